"""More points where they matter, with weights that keep the loss what it was."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, Occasion, Points, Problem, Sampler, Sampling
from ups_framework.numerics.padding import pad_axes
from ups_query_sampling.count import asked, num_points
from ups_query_sampling.error_map import ErrorMap
from ups_query_sampling.inclusion import inclusion_probabilities, systematic, unbiased_weights


@frozen(kw_only=True)
class Importance(Sampler):
    """k different points, point i with probability π_i ∝ (1 − f) g_i / Σ g + f / N and errors weighted by k / (N π_i).

    g is the size of the truth's gradient, |∇u| in units of each channel's spread, averaged over the batch's frames; or
    the model's root mean square error so far, averaged as it trains. The weights keep the mean over points an unbiased
    estimate of that over the grid (Horvitz and Thompson 1952), with less variance where errors lie where g is large,
    and more where they do not. Good values: f = 0.2; shocks and fronts.
    """

    counts: ClassVar[bool] = True
    example: ClassVar[Mapping[str, object]] = {"fraction": 0.25}

    by: Literal["gradient", "error"] = "gradient"
    """What g is."""

    points: int | None = None
    """How many points, k; at most as many as the grid has."""

    fraction: float | None = None
    """In place of `points`: k as a fraction of the grid's points, in (0, 1], rounded."""

    floor: float = field(default=0.2, validator=[validators.gt(0), validators.le(1)])
    """f: how much of the probability all points share alike; no weight is then above 1 / f."""

    def build(self, problem: Problem) -> Sampling:
        """The draw; SpecError unless exactly one of `points` and `fraction` is given and the grid has enough points."""
        return _Importance(self, problem.grid, num_points(self.points, self.fraction, problem.grid))


class _Importance(Sampling):
    coordinates: Tensor

    def __init__(self, spec: Importance, grid: Grid, count: int) -> None:
        super().__init__()
        self.spec, self.grid, self.count = spec, grid, count
        self.learns = spec.by == "error"
        self.errors = ErrorMap(grid.num_points) if self.learns else None
        self.register_buffer("coordinates", grid.points(), persistent=False)

    def draw(self, occasion: Occasion) -> Points:
        count = asked(occasion, self.count, self.grid)
        wanted = self.errors.root_mean_square() if self.errors else steepness(occasion.truth, self.grid)
        share = wanted.double() / wanted.double().sum().clamp_min(1e-30)
        density = (1 - self.spec.floor) * share + self.spec.floor / self.grid.num_points
        probability = inclusion_probabilities(density, count)
        index = systematic(probability, count, occasion.generator)
        weights = unbiased_weights(probability[index], self.grid.num_points)
        return Points(coordinates=self.coordinates[index], index=index, weights=weights)

    def observe(self, points: Points, error: Float[Tensor, "B K Q"]) -> None:
        assert self.errors is not None
        self.errors.observe(points, error)


def steepness(truth: Float[Tensor, "B frames N C"], grid: Grid) -> Float[Tensor, " N"]:
    """Mean over frames and channels of |∇u| at each point, each channel in units of its standard deviation.

    By central differences, which stay near a front that is thinner than the grid; spectral ones ring everywhere.
    """
    fields = grid.unflatten(truth / truth.std((0, 1, 2)).clamp_min(1e-12)).flatten(0, 1).movedim(-1, 1)
    padded = pad_axes(fields, grid.axes, (1,) * len(grid.axes))
    square = torch.zeros_like(fields)
    for axis, spacing in enumerate(grid.spacing):
        ahead, behind = (_shifted(padded, grid, axis, by) for by in (1, -1))
        square += ((ahead - behind) / (2 * spacing)).square()
    return square.sqrt().mean((0, 1)).flatten()


def _shifted(padded: Float[Tensor, "B C *padded"], grid: Grid, axis: int, by: int) -> Float[Tensor, "B C *grid"]:
    """The neighbours of all points along one axis, from a grid with one more point at each end."""
    for other, n in enumerate(grid.shape):
        padded = padded.narrow(2 + other, 1 + by if other == axis else 1, n)
    return padded
