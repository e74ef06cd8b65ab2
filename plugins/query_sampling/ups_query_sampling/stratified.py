"""Points spread evenly: the grid is cut into cells, and each cell gives one point or two."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Int
from torch import Tensor

from ups_framework.api import Occasion, Problem, Sampler, Sampling
from ups_query_sampling.count import num_points
from ups_query_sampling.gridded import GridSampling


@frozen(kw_only=True)
class Stratified(Sampler):
    """k different points of the training grid, spread evenly: each of M ≤ k cells gives one point, and k - M give two.

    Cells are blocks of neighbouring points, as near to cubes as can be; along an axis, cut by rank, their sizes
    differ by at most one point. The largest cells give the second points. Where an axis does not divide into equal
    cells, the cells are shifted round it by a random number of points each time. So every point of the grid is
    equally likely, and a mean over the points is an unbiased estimate of the mean over the grid, with less variance
    than `uniform` wherever neighbours are alike; with least where k = M equal cells fill the grid, such as 16 x 16
    cells for 256 points of 64 x 64.
    Good values: a tenth to a half of the points.
    """

    counts: ClassVar[bool] = True
    example: ClassVar[Mapping[str, object]] = {"fraction": 0.25}

    points: int | None = None
    """How many points, k; at most as many as the grid has."""

    fraction: float | None = None
    """In place of `points`: k as a fraction of the grid's points, in (0, 1], rounded."""

    def build(self, problem: Problem) -> Sampling:
        """The draw; SpecError unless exactly one field is given and the grid has enough points."""
        return _Stratified(problem.grid, num_points(self.points, self.fraction, problem.grid))


class _Stratified(GridSampling):
    def choose(self, occasion: Occasion, count: int) -> Int[Tensor, " Q"]:
        shape = self.grid.shape
        cells, cell = _cells(shape, count)
        uneven = tuple(axis for axis, (n, m) in enumerate(zip(shape, cells, strict=True)) if n % m)
        shifts = tuple(int(torch.randint(shape[axis], (), generator=occasion.generator)) for axis in uneven)
        shifted = cell.roll(shifts, uneven) if uneven else cell
        return one_or_two_per_cell(shifted.flatten(), count, occasion.generator)


@lru_cache(maxsize=16)
def _cells(shape: tuple[int, ...], count: int) -> tuple[tuple[int, ...], Int[Tensor, "*grid"]]:
    """Cells along each axis, and the cell of each point: the same in every step with so many points."""
    cells = cells_per_axis(shape, count)
    return cells, cell_of_point(shape, cells)


def cells_per_axis(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Into how many cells to cut each axis, so that there are at most `count` and they are as near to cubes as can be.

    Adds one cut to the axis along which cells are longest until there would be too many cells. Hence fewer than
    2 · cells are drawn from, and those that must give two points have two.
    """
    cells = [1] * len(shape)
    while True:
        longest = max(range(len(shape)), key=lambda axis: shape[axis] / cells[axis])
        if cells[longest] == shape[longest]:
            return tuple(cells)
        cells[longest] += 1
        if math.prod(cells) > count:
            cells[longest] -= 1
            return tuple(cells)


def cell_of_point(shape: tuple[int, ...], cells: tuple[int, ...]) -> Int[Tensor, "*grid"]:
    """The number of the cell of each point, 0 … M - 1: point i of an axis of n lies in slab floor(i · cells / n)."""
    slabs = [torch.arange(n) * m // n for n, m in zip(shape, cells, strict=True)]
    number = torch.zeros((), dtype=torch.long)
    for slab, m in zip(slabs, cells, strict=True):
        number = number.unsqueeze(-1) * m + slab
    return number


def one_or_two_per_cell(cell: Int[Tensor, " N"], count: int, generator: torch.Generator) -> Int[Tensor, " k"]:
    """`count` different points in ascending order: one of each cell, a second of the largest (ties by lot)."""
    shuffled = torch.randperm(len(cell), generator=generator)
    by_cell = shuffled[cell[shuffled].argsort(stable=True)]
    sizes = cell.bincount()
    first = sizes.cumsum(0) - sizes
    lots = torch.rand(len(sizes), generator=generator, dtype=torch.float64)
    second = (sizes + lots).topk(count - len(sizes)).indices
    return torch.cat([by_cell[first], by_cell[first[second] + 1]]).sort().values
