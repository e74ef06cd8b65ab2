"""Interpolation at any points, against waves and polynomials that it must reproduce."""

import math

import pytest
import torch
from torch import Tensor

from ups_framework.api import Axis, Grid
from ups_framework.numerics.pointwise import interpolate


def _waves(points: Tensor) -> Tensor:
    """Waves of 3 and 5 periods over (−1, 2) along x, of 2 over (0, 1) along y; two channels."""
    x, y = 2 * math.pi * (points[..., 0] + 1) / 3, 2 * math.pi * points[..., 1]
    return torch.stack([torch.sin(3 * x) * torch.cos(2 * y), 1 + torch.cos(5 * x + y)], -1)


@pytest.mark.parametrize("shape", [(12, 8), (13, 9)])
def test_waves_are_reproduced_between_the_points_of_a_periodic_grid(shape: tuple[int, int]) -> None:
    grid = Grid(axes=(Axis(name="x", lower=-1.0, upper=2.0), Axis(name="y")), shape=shape, offset=(0.5, 0.25))
    mesh = torch.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    values = _waves(torch.stack([axis.flatten() for axis in mesh], -1))[None, None].repeat(2, 3, 1, 1)
    points = torch.rand(3, 7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points = points * torch.tensor([3.0, 1.0]) - torch.tensor([1.0, 0.0])
    shared = interpolate(values, grid, points[0])
    torch.testing.assert_close(shared, _waves(points[0]).expand(2, 3, -1, -1))
    per_sample = interpolate(values, grid, points[:2])
    torch.testing.assert_close(per_sample, _waves(points[:2])[:, None].expand(-1, 3, -1, -1))
    per_frame = interpolate(values, grid, points[None])
    torch.testing.assert_close(per_frame, _waves(points)[None].expand(2, -1, -1, -1))


def test_the_points_of_the_grid_keep_their_values_and_both_ends_are_one_point() -> None:
    grid = Grid(axes=(Axis(name="x"),), shape=(10,), offset=(0.0,))
    values = torch.rand(1, 1, 10, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(interpolate(values, grid, grid.coordinates(0)[:, None]), values)
    ends = interpolate(values, grid, torch.tensor([[0.0], [1.0]], dtype=torch.float64))
    torch.testing.assert_close(ends[0, 0, 0], ends[0, 0, 1])


def test_a_cubic_polynomial_between_walls_is_exact_up_to_the_walls() -> None:
    grid = Grid(axes=(Axis(name="x", boundary="dirichlet"),), shape=(8,), offset=(0.5,))
    x = grid.coordinates(0)
    points = torch.tensor([[0.0], [0.31], [1.0]], dtype=torch.float64)
    found = interpolate((x**3 - x)[None, None, :, None], grid, points)
    torch.testing.assert_close(found[0, 0, :, 0], (points**3 - points)[:, 0])
