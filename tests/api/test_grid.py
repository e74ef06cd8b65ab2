"""Where the points of a grid lie, and how they are flattened."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ups_framework.api import Axis, Grid, SpecError

X = Axis(name="x", lower=-1.0, upper=2.0)
Y = Axis(name="y", upper=0.5, boundary="dirichlet")
CELL_CENTRES = Grid(axes=(Axis(name="x"),), shape=(1024,), offset=(0.5,))


def test_an_axis_knows_its_length_and_whether_it_closes() -> None:
    assert (X.length, X.periodic) == (3.0, True)
    assert (Y.length, Y.periodic) == (0.5, False)


def test_an_offset_of_a_half_gives_the_cell_centres_of_pdebench() -> None:
    published = (torch.arange(1024, dtype=torch.float64) + 0.5) / 1024
    torch.testing.assert_close(CELL_CENTRES.coordinates(0), published, rtol=0, atol=1e-15)


def test_coordinates_begin_at_the_offset_and_stop_before_the_upper_end() -> None:
    grid = Grid(axes=(X,), shape=(6,), offset=(0.0,))
    assert grid.spacing == (0.5,)
    assert grid.coordinates(0).tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5]


def test_the_last_axis_runs_fastest() -> None:
    grid = Grid(axes=(X, Y), shape=(3, 2), offset=(0.0, 0.5))
    expected = [[-1.0, 0.125], [-1.0, 0.375], [0.0, 0.125], [0.0, 0.375], [1.0, 0.125], [1.0, 0.375]]
    assert grid.points().tolist() == expected
    assert grid.num_points == 6


def test_unflattened_points_have_one_dimension_an_axis_in_order() -> None:
    grid = Grid(axes=(X, Y, X), shape=(3, 2, 4), offset=(0.5, 0.5, 0.0))
    unflattened = grid.unflatten(grid.points()[None])
    assert unflattened.shape == (1, 3, 2, 4, 3)
    for axis in range(3):
        along = unflattened[0, ..., axis].movedim(axis, -1)
        torch.testing.assert_close(along, grid.coordinates(axis).float().expand_as(along))


@settings(deadline=None)
@given(coarse=st.lists(st.integers(1, 5), min_size=1, max_size=3), every=st.integers(1, 4), offset=st.floats(0, 0.99))
def test_the_points_of_a_subsample_are_points_of_the_grid(coarse: list[int], every: int, offset: float) -> None:
    dims = len(coarse)
    grid = Grid(axes=(X, Y, X)[:dims], shape=tuple(every * n for n in coarse), offset=(offset,) * dims)
    kept = grid.unflatten(grid.points())[(slice(None, None, every),) * dims]
    torch.testing.assert_close(grid.subsample(every).points(), kept.flatten(0, -2), rtol=0, atol=1e-6)


def test_a_grid_that_does_not_divide_says_along_which_axis() -> None:
    with pytest.raises(SpecError, match="the 6 points along y do not divide by 4"):
        Grid(axes=(X, Y), shape=(8, 6), offset=(0.5, 0.5)).subsample(4)


@pytest.mark.parametrize(("shape", "offset"), [((4,), (0.5, 0.5)), ((4, 4), (0.5,))])
def test_a_grid_has_one_entry_an_axis(shape: tuple[int, ...], offset: tuple[float, ...]) -> None:
    with pytest.raises(AssertionError, match="not one entry for each of 2 axes"):
        Grid(axes=(X, Y), shape=shape, offset=offset)
