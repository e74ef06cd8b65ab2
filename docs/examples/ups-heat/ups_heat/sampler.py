"""The sampler `heat_lattice`."""

import torch
from attrs import field, frozen, validators
from ups_framework.api import Draw, Points, Problem, Sampler, SpecError


@frozen(kw_only=True)
class HeatLattice(Sampler):
    """Points that lie evenly, shifted at random in each step: i = s + `every` · j along each axis, j = 0, 1, …"""

    every: int = field(default=2, validator=validators.ge(1))
    """Spacings between neighbours: 2 takes half of the points of an interval and a quarter of those of a square."""

    def build(self, problem: Problem) -> Draw:
        """Raises SpecError on `every` if it does not divide the points along an axis."""
        grid = problem.grid
        for axis, points in zip(grid.axes, grid.shape, strict=True):
            if points % self.every:
                raise SpecError("every", f"{self.every} does not divide the {points} points along {axis.name}")
        coordinates, numbers = grid.points(), torch.arange(grid.num_points).reshape(grid.shape)

        def draw(generator: torch.Generator) -> Points:
            shift = torch.randint(self.every, (len(grid.shape),), generator=generator).tolist()
            index = numbers[tuple(slice(start, None, self.every) for start in shift)].flatten()
            return Points(coordinates=coordinates[index], index=index)

        return draw
