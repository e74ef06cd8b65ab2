"""The sampler that leaves nothing out. Others are in plugins."""

import torch
from attrs import frozen

from ups_framework.api import Draw, Points, Problem, Sampler


@frozen(kw_only=True)
class Dense(Sampler):
    """All points of the training grid, in every step: Q = N."""

    def build(self, problem: Problem) -> Draw:
        everything = Points(coordinates=problem.grid.points(), index=torch.arange(problem.grid.num_points))
        return lambda _: everything
