"""Points between those of the grid."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, Occasion, Points, Problem, Sampler, Sampling
from ups_framework.numerics.pointwise import interpolate
from ups_query_sampling.count import asked, num_points


@frozen(kw_only=True)
class OffGrid(Sampler):
    """k points anywhere in the domain, uniformly: x = lower + length · U(0, 1) along each axis.

    The truth there is that of the solver's own interpolant: the trigonometric polynomial through the training grid
    along periodic axes, cubic polynomials between walls. For decoders with values of their own between grid points,
    which are trained where super-resolution will ask them; `any_point` interpolates there, and decodes the whole grid.
    Data with fronts thinner than the grid has no such polynomial without overshoots: `uniform` is better there.
    Good values: a quarter to a half of the grid's points.
    """

    counts: ClassVar[bool] = True
    example: ClassVar[Mapping[str, object]] = {"fraction": 0.25}

    points: int | None = None
    """How many points, k; at most as many as the grid has."""

    fraction: float | None = None
    """In place of `points`: k as a fraction of the grid's points, in (0, 1], rounded."""

    def build(self, problem: Problem) -> Sampling:
        """The draw; SpecError unless exactly one of `points` and `fraction` is given and the grid has enough points."""
        return _OffGrid(problem.grid, num_points(self.points, self.fraction, problem.grid))


class _OffGrid(Sampling):
    lower: Tensor
    length: Tensor

    def __init__(self, grid: Grid, count: int) -> None:
        super().__init__()
        self.grid, self.count = grid, count
        self.register_buffer("lower", torch.tensor([axis.lower for axis in grid.axes]), persistent=False)
        self.register_buffer("length", torch.tensor([axis.length for axis in grid.axes]), persistent=False)

    def draw(self, occasion: Occasion) -> Points:
        count = asked(occasion, self.count, self.grid)
        places = torch.rand(count, len(self.grid.axes), generator=occasion.generator)
        coordinates = self.lower + self.length * places.to(self.lower.device, non_blocking=True)
        return Points(coordinates=coordinates, index=None, interpolate=self._interpolate)

    def _interpolate(
        self, values: Float[Tensor, "B K N C"], points: Float[Tensor, "*sets Q d"]
    ) -> Float[Tensor, "B K Q C"]:
        return interpolate(values, self.grid, points)
