"""Samplers draw exactly the points that they promise, fairly."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from ups_query_sampling.stratified import Stratified, cell_of_point, cells_per_axis, one_or_two_per_cell
from ups_query_sampling.uniform import Uniform

from ups_framework.api import Axis, Field, Grid, Occasion, Points, Problem, Sampler, SpecError

BOTH: list[type[Uniform] | type[Stratified]] = [Uniform, Stratified]


def problem_on(*shape: int) -> Problem:
    axes = tuple(Axis(name=f"x{axis}", lower=-1.0, upper=2.0) for axis in range(len(shape)))
    grid = Grid(axes=axes, shape=shape, offset=(0.5,) * len(shape))
    return Problem(name="any", fields=(Field(name="u"),), grid=grid, dt=0.1)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def occasion(problem: Problem, generator: torch.Generator) -> Occasion:
    return Occasion(generator=generator, truth=torch.zeros(1, 2, problem.grid.num_points, 1), progress=0.0)


def index_of(points: Points) -> Tensor:
    assert points.index is not None
    return points.index


def indices(sampler: Sampler, problem: Problem, draws: int) -> Tensor:
    """Indices of many draws, one row each."""
    sampling, generator = sampler.build(problem), seeded(0)
    return torch.stack([index_of(sampling.draw(occasion(problem, generator))) for _ in range(draws)])


@st.composite
def grids_and_counts(draw: st.DrawFn) -> tuple[tuple[int, ...], int]:
    shape = tuple(draw(st.lists(st.integers(1, 13), min_size=1, max_size=3)))
    return shape, draw(st.integers(1, math.prod(shape)))


@pytest.mark.parametrize("kind", BOTH)
@settings(deadline=None)
@given(case=grids_and_counts(), seed=st.integers(0, 2**32))
def test_exactly_k_different_points_of_the_grid_are_drawn(
    kind: type[Uniform] | type[Stratified], case: tuple[tuple[int, ...], int], seed: int
) -> None:
    shape, count = case
    problem = problem_on(*shape)
    points = kind(points=count).build(problem).draw(occasion(problem, seeded(seed)))
    index = index_of(points)
    assert index.dtype == torch.int64
    assert len(set(index.tolist())) == len(points) == count
    assert torch.equal(points.coordinates, problem.grid.points()[index])


@settings(deadline=None)
@given(case=grids_and_counts(), seed=st.integers(0, 2**32))
def test_every_cell_is_hit_and_counts_of_cells_differ_by_at_most_one(
    case: tuple[tuple[int, ...], int], seed: int
) -> None:
    shape, count = case
    cell = cell_of_point(shape, cells_per_axis(shape, count)).flatten()
    counts = cell[one_or_two_per_cell(cell, count, seeded(seed))].bincount(minlength=int(cell.max()) + 1)
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1


@settings(deadline=None)
@given(case=grids_and_counts())
def test_cells_are_blocks_whose_sides_differ_by_at_most_one_point(case: tuple[tuple[int, ...], int]) -> None:
    shape, count = case
    cells = cells_per_axis(shape, count)
    assert math.prod(cells) <= count
    for n, m in zip(shape, cells, strict=True):
        sides = cell_of_point((n,), (m,)).bincount()
        assert len(sides) == m
        assert sides.max() - sides.min() <= 1


@pytest.mark.parametrize(
    ("shape", "count", "cells"),
    [
        ((64, 64), 1024, (32, 32)),
        ((256,), 64, (64,)),
        ((1, 128), 16, (1, 16)),
        ((32, 8), 64, (16, 4)),
        ((9,), 9, (9,)),
    ],
)
def test_cells_are_as_near_to_cubes_as_can_be(shape: tuple[int, ...], count: int, cells: tuple[int, ...]) -> None:
    assert cells_per_axis(shape, count) == cells


def test_where_cells_divide_the_grid_each_block_gives_its_share() -> None:
    index = indices(Stratified(points=64), problem_on(32, 32), 1)[0]
    rows, columns = index // 32 // 4, index % 32 // 4
    assert (rows * 8 + columns).bincount().tolist() == [1] * 64


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(("shape", "count"), [((17,), 7), ((17,), 13), ((7, 5), 11), ((6, 4), 9), ((1, 13), 5)])
def test_every_point_is_equally_likely(
    kind: type[Uniform] | type[Stratified], shape: tuple[int, ...], count: int
) -> None:
    draws, total = 4000, math.prod(shape)
    hits = indices(kind(points=count), problem_on(*shape), draws).flatten().bincount(minlength=total)
    expected = count / total
    deviations = (hits / draws - expected) / math.sqrt(expected * (1 - expected) / draws)
    assert deviations.abs().max() < 4.5  # of some 30 points: one in thousands of correct samplers fails


@pytest.mark.parametrize(("count", "gain"), [(256, 15.0), (100, 2.5)])  # 16 x 16 equal cells; 10 x 10 uneven ones
def test_stratified_points_estimate_the_mean_of_a_smooth_field_better_than_uniform_ones(
    count: int, gain: float
) -> None:
    problem = problem_on(32, 32)
    x, y = problem.grid.points().T
    field = torch.sin(2 * x) * torch.cos(3 * y) + x
    variance = {kind: float(field[indices(kind(points=count), problem, 400)].mean(dim=1).var()) for kind in BOTH}
    assert variance[Stratified] < variance[Uniform] / gain


@pytest.mark.parametrize("kind", BOTH)
def test_a_fraction_of_one_is_the_whole_grid_in_its_own_order(kind: type[Uniform] | type[Stratified]) -> None:
    problem = problem_on(7, 5)
    assert torch.equal(indices(kind(fraction=1.0), problem, 1)[0], torch.arange(35))


@pytest.mark.parametrize("kind", BOTH)
def test_a_fraction_is_rounded_to_whole_points(kind: type[Uniform] | type[Stratified]) -> None:
    assert indices(kind(fraction=0.3), problem_on(256), 1).shape == (1, 77)


@pytest.mark.parametrize("kind", BOTH)
def test_the_generator_alone_decides(kind: type[Uniform] | type[Stratified]) -> None:
    problem = problem_on(31)
    sampling = kind(points=5).build(problem)
    torch.manual_seed(1)
    first = sampling.draw(occasion(problem, seeded(8))).coordinates
    torch.manual_seed(2)
    assert torch.equal(first, sampling.draw(occasion(problem, seeded(8))).coordinates)
    assert not torch.equal(first, sampling.draw(occasion(problem, seeded(9))).coordinates)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("points", "fraction", "message"),
    [
        (512, None, "points: 512 points asked, the grid has 256; use the sampler 'dense'"),
        (0, None, "points: 0 points asked, at least 1"),
        (None, None, "points: give either `points` or `fraction`; found neither"),
        (8, 0.5, "points: give either `points` or `fraction`; found both"),
        (None, 1.5, "fraction: 1.5 is not in"),
        (None, math.nan, "fraction: nan is not in"),
        (None, 0.001, "fraction: 0.001 of the grid's 256 points is less than half a point"),
    ],
)
def test_a_wrong_number_of_points_is_an_error_that_says_so(
    kind: type[Uniform] | type[Stratified], points: int | None, fraction: float | None, message: str
) -> None:
    with pytest.raises(SpecError, match="^" + message.replace("(", r"\(")):
        kind(points=points, fraction=fraction).build(problem_on(16, 16))
