"""The sampler that leaves nothing out. Others are in plugins."""

import torch
from attrs import frozen
from torch import Tensor

from ups_framework.api import Occasion, Points, Problem, Sampler, Sampling


@frozen(kw_only=True)
class Dense(Sampler):
    """All points of the training grid, in every step: Q = N."""

    def build(self, problem: Problem) -> Sampling:
        return _Dense(problem)


class _Dense(Sampling):
    coordinates: Tensor
    index: Tensor

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.register_buffer("coordinates", problem.grid.points(), persistent=False)
        self.register_buffer("index", torch.arange(problem.grid.num_points), persistent=False)

    def draw(self, occasion: Occasion) -> Points:
        return Points(coordinates=self.coordinates, index=self.index)
