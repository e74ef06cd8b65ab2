"""Points drawn from the whole grid."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Int
from torch import Tensor

from ups_framework.api import Occasion, Problem, Sampler, Sampling
from ups_query_sampling.count import num_points
from ups_query_sampling.gridded import GridSampling


@frozen(kw_only=True)
class Uniform(Sampler):
    """k different points of the training grid, each set of k equally likely.

    A loss that is a mean over these points is an unbiased estimate of the mean over the grid. Good values: a quarter to
    a half of the points. All of them (`fraction = 1.0`) gives the grid in its own order, like the sampler `dense`.
    """

    counts: ClassVar[bool] = True
    example: ClassVar[Mapping[str, object]] = {"fraction": 0.5}

    points: int | None = None
    """How many points, k; at most as many as the grid has."""

    fraction: float | None = None
    """In place of `points`: k as a fraction of the grid's points, in (0, 1], rounded."""

    def build(self, problem: Problem) -> Sampling:
        """The draw; SpecError unless exactly one field is given and the grid has enough points."""
        return _Uniform(problem.grid, num_points(self.points, self.fraction, problem.grid))


class _Uniform(GridSampling):
    def choose(self, occasion: Occasion, count: int) -> Int[Tensor, " Q"]:
        return torch.randperm(self.grid.num_points, generator=occasion.generator)[:count].sort().values
