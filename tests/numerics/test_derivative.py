"""Derivatives on grids, against fields whose derivatives are known."""

import math

import pytest
import torch
from torch import Tensor

from ups_framework.api import Axis, Grid
from ups_framework.numerics.derivative import derivative, divergence, gradient_square


def _grid(*boundaries: str, points: int = 32) -> Grid:
    axes = tuple(
        Axis(name=name, lower=-1.0, upper=2.0, boundary=boundary)  # type: ignore[arg-type]  # one of the three
        for name, boundary in zip("xy", boundaries, strict=False)
    )
    return Grid(axes=axes, shape=(points, points + 4)[: len(axes)], offset=(0.5,) * len(axes))


def _places(grid: Grid) -> list[Tensor]:
    """x and y of all points in double precision."""
    mesh = torch.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    return [coordinate.flatten() for coordinate in mesh]


def test_waves_along_a_periodic_axis_are_differentiated_exactly() -> None:
    grid = _grid("periodic", "periodic")
    x, y = _places(grid)
    k, m = 2 * math.pi * 3 / 3, 2 * math.pi * 5 / 3
    u = torch.sin(k * x) * torch.cos(m * y)
    torch.testing.assert_close(derivative(u, grid, 0), k * torch.cos(k * x) * torch.cos(m * y))
    torch.testing.assert_close(derivative(u, grid, 1), -m * torch.sin(k * x) * torch.sin(m * y))


def test_differences_between_walls_are_of_second_order_up_to_the_last_point() -> None:
    errors = []
    for points in (32, 64):
        grid = _grid("dirichlet", points=points)
        x = grid.coordinates(0)
        errors.append((derivative(torch.sin(2 * x), grid, 0) - 2 * torch.cos(2 * x)).abs().max())
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.2)


def test_a_parabola_between_walls_is_exact() -> None:
    grid = _grid("neumann")
    x = grid.coordinates(0)
    torch.testing.assert_close(derivative(x**2, grid, 0), 2 * x)


def test_a_stream_function_gives_a_flow_without_divergence_and_a_potential_one_with_its_laplacian() -> None:
    grid = _grid("periodic", "periodic")
    x, y = _places(grid)
    k = 2 * math.pi / 3
    psi = torch.sin(k * x) * torch.sin(2 * k * y)
    dx, dy = derivative(psi, grid, 0), derivative(psi, grid, 1)
    assert float(divergence(torch.stack([dy, -dx], -1), grid).abs().max()) < 1e-12
    torch.testing.assert_close(divergence(torch.stack([dx, dy], -1), grid), -5 * k**2 * psi)


def test_the_gradient_s_square_sums_over_components_and_axes() -> None:
    grid = _grid("neumann", "neumann")
    x, y = _places(grid)
    found = gradient_square(torch.stack([2 * x + 3 * y, 5 * x], -1), grid)
    torch.testing.assert_close(found, torch.full_like(found, 4 + 9 + 25))
