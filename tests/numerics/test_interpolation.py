"""Cubic interpolation hits cubics, and its error of a wave falls with the fourth power of the spacing."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ups_framework.api import Axis, Boundary, Grid
from ups_framework.numerics.interpolation import cubic_stencil

WALLS: list[Boundary] = ["dirichlet", "neumann"]


def line(n: int, boundary: Boundary, offset: float = 0.5) -> Grid:
    return Grid(axes=(Axis(name="x", lower=-1.0, upper=2.0, boundary=boundary),), shape=(n,), offset=(offset,))


def at(count: int, grid: Grid) -> Tensor:
    """Random points of the domain, in double precision."""
    place = torch.rand(count, len(grid.axes), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lower, length = (
        torch.tensor(ends) for ends in zip(*((axis.lower, axis.length) for axis in grid.axes), strict=True)
    )
    return lower + place * length


def points(grid: Grid) -> Tensor:
    """All points of a grid, in double precision."""
    mesh = torch.meshgrid(*(grid.coordinates(axis) for axis in range(len(grid.axes))), indexing="ij")
    return torch.stack([coordinate.flatten() for coordinate in mesh], dim=-1)


def error(grid: Grid, formula: Callable[[Tensor], Tensor]) -> float:
    """Largest error of the interpolated function at random points."""
    where = at(500, grid)
    found = cubic_stencil(grid, where)(formula(points(grid))[None, :, None])
    return (found[0, :, 0] - formula(where)).abs().max().item()


@pytest.mark.parametrize("boundary", WALLS)
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("n", [4, 5, 16])
def test_a_cubic_is_exact_up_to_the_walls(boundary: Boundary, offset: float, n: int) -> None:
    assert error(line(n, boundary, offset), lambda x: 2 - x[:, 0] + 3 * x[:, 0] ** 2 - 4 * x[:, 0] ** 3) < 1e-11


def test_a_product_of_cubics_is_exact_in_two_dimensions_with_an_axis_of_each_kind() -> None:
    """Periodic in x, so only constant there; cubic in y."""
    axes = (Axis(name="x"), Axis(name="y", lower=1.0, upper=4.0, boundary="neumann"))
    grid = Grid(axes=axes, shape=(5, 7), offset=(0.5, 0.25))
    assert error(grid, lambda x: x[:, 1] ** 3 - 2 * x[:, 1]) < 1e-11
    walled = Grid(axes=(axes[1], axes[1]), shape=(6, 7), offset=(0.0, 0.5))
    assert error(walled, lambda x: x[:, 0] ** 3 * x[:, 1] ** 2 - x[:, 0] * x[:, 1] ** 3) < 1e-10


@pytest.mark.parametrize("boundary", ["periodic", *WALLS])
def test_the_error_of_a_wave_falls_with_the_fourth_power_of_the_spacing(boundary: Boundary) -> None:
    def wave(x: Tensor) -> Tensor:
        return torch.sin(2 * math.pi * x[:, 0] / 3 + 0.3)

    coarse, fine = error(line(64, boundary), wave), error(line(128, boundary), wave)
    assert math.log2(coarse / fine) == pytest.approx(4.0, abs=0.25)


def test_the_error_of_a_plane_wave_falls_with_the_fourth_power_too() -> None:
    def wave(x: Tensor) -> Tensor:
        return torch.sin(2 * math.pi * (x[:, 0] + 2 * x[:, 1]))

    axes = (Axis(name="x"), Axis(name="y"))
    coarse, fine = (error(Grid(axes=axes, shape=(n, 2 * n), offset=(0.5, 0.0)), wave) for n in (24, 48))
    assert math.log2(coarse / fine) == pytest.approx(4.0, abs=0.25)


@pytest.mark.parametrize("boundary", ["periodic", *WALLS])
def test_at_a_grid_point_the_value_is_the_grids_own(boundary: Boundary) -> None:
    grid = Grid(axes=(Axis(name="x", boundary=boundary), Axis(name="y")), shape=(8, 5), offset=(0.5, 0.0))
    weights = cubic_stencil(grid, points(grid))(torch.eye(40, dtype=torch.float64)[None])[0]
    torch.testing.assert_close(weights, torch.eye(40, dtype=torch.float64), rtol=0, atol=1e-12)


def test_in_single_precision_a_point_of_a_thousand_is_hit_to_one_in_a_thousand() -> None:
    grid = line(1024, "periodic")
    weights = cubic_stencil(grid, grid.points())(torch.eye(1024)[None])[0]
    torch.testing.assert_close(weights, torch.eye(1024), rtol=0, atol=1e-3)


def test_a_point_and_its_image_a_period_away_are_the_same() -> None:
    grid = line(16, "periodic")
    values = torch.randn(2, 16, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    where = at(50, grid)
    here = cubic_stencil(grid, where)(values)
    for periods in (-2, 1):
        torch.testing.assert_close(cubic_stencil(grid, where + 3.0 * periods)(values), here)


def test_there_is_no_jump_at_the_periodic_end_nor_at_grid_points() -> None:
    grid = line(8, "periodic", offset=0.0)
    values = torch.randn(1, 8, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    nodes = grid.coordinates(0)[:, None]
    left, right = (cubic_stencil(grid, nodes + side)(values) for side in (-1e-9, 1e-9))
    torch.testing.assert_close(left, right, rtol=0, atol=1e-7)


def test_weights_sum_to_one_and_there_are_four_an_axis() -> None:
    axes = (Axis(name="x"), Axis(name="y", boundary="dirichlet"), Axis(name="z"))
    grid = Grid(axes=axes, shape=(4, 5, 6), offset=(0.5, 0.5, 0.5))
    stencil = cubic_stencil(grid, at(20, grid))
    assert stencil.weight.shape == (64, 20, 1)
    torch.testing.assert_close(stencil.weight.sum(0), torch.ones(20, 1, dtype=torch.float64))
