"""The sampler `heat_lattice`."""

import torch
from attrs import field, frozen, validators
from torch import Tensor
from ups_framework.api import Grid, Occasion, Points, Problem, Sampler, Sampling, SpecError


@frozen(kw_only=True)
class HeatLattice(Sampler):
    """Points that lie evenly, shifted at random in each step: i = s + `every` · j along each axis, j = 0, 1, …"""

    every: int = field(default=2, validator=validators.ge(1))
    """Spacings between neighbours: 2 takes half of the points of an interval and a quarter of those of a square."""

    def build(self, problem: Problem) -> Sampling:
        """Raises SpecError on `every` if it does not divide the points along an axis."""
        grid = problem.grid
        for axis, points in zip(grid.axes, grid.shape, strict=True):
            if points % self.every:
                raise SpecError("every", f"{self.every} does not divide the {points} points along {axis.name}")
        return _HeatLattice(grid, self.every)


class _HeatLattice(Sampling):
    """A torch module: its buffers follow the training to the GPU."""

    coordinates: Tensor
    numbers: Tensor

    def __init__(self, grid: Grid, every: int) -> None:
        super().__init__()
        self.every = every
        self.register_buffer("coordinates", grid.points(), persistent=False)
        self.register_buffer("numbers", torch.arange(grid.num_points).reshape(grid.shape), persistent=False)

    def draw(self, occasion: Occasion) -> Points:
        shift = torch.randint(self.every, (self.numbers.ndim,), generator=occasion.generator).tolist()
        index = self.numbers[tuple(slice(start, None, self.every) for start in shift)].flatten()
        return Points(coordinates=self.coordinates[index], index=index)
