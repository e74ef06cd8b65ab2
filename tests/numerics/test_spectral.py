"""Fourier calculus against closed forms, on grids whose axes differ in every way."""

import math

import pytest
import torch
from torch import Tensor

from ups_framework.api import Axis, Grid, SpecError
from ups_framework.numerics.spectral import Spectral

CPU = torch.device("cpu")
LINE = Grid(axes=(Axis(name="x", lower=-1.0, upper=2.0),), shape=(24,), offset=(0.5,))
OBLONG = Grid(
    axes=(Axis(name="x", upper=2.0), Axis(name="y", lower=1.0, upper=1.5)), shape=(20, 15), offset=(0.0, 0.25)
)


def coordinates(grid: Grid) -> tuple[Tensor, ...]:
    """Coordinates of all points, one array an axis, in float64."""
    axes = [grid.coordinates(axis) for axis in range(len(grid.shape))]
    return tuple(torch.meshgrid(*axes, indexing="ij"))


def wave() -> tuple[Tensor, float, float]:
    """3 waves along x and 2 along y of the oblong, and their wavenumbers."""
    x, y = coordinates(OBLONG)
    kx, ky = 2 * math.pi * 3 / 2.0, 2 * math.pi * 2 / 0.5
    return kx * x + ky * y, kx, ky


def apply(spectral: Spectral, factor: Tensor, u: Tensor) -> Tensor:
    return spectral.inverse(factor * spectral.forward(u))


def test_the_derivative_on_a_line_is_the_closed_form() -> None:
    spectral, (x,) = Spectral(LINE, CPU), coordinates(LINE)
    k = 2 * math.pi * 4 / 3.0
    torch.testing.assert_close(apply(spectral, spectral.derivative(0), (k * x).sin()), k * (k * x).cos())


def test_the_derivative_of_a_smooth_periodic_function_is_exact_to_rounding() -> None:
    grid = Grid(axes=(Axis(name="x"),), shape=(64,), offset=(0.0,))
    spectral, (x,) = Spectral(grid, CPU), coordinates(grid)
    u = (2 * math.pi * x).sin().exp()
    exact = 2 * math.pi * (2 * math.pi * x).cos() * u
    torch.testing.assert_close(apply(spectral, spectral.derivative(0), u), exact, rtol=0, atol=1e-11)


def test_each_axis_of_an_oblong_has_its_own_derivative() -> None:
    spectral = Spectral(OBLONG, CPU)
    phase, kx, ky = wave()
    torch.testing.assert_close(apply(spectral, spectral.derivative(0), phase.sin()), kx * phase.cos())
    torch.testing.assert_close(apply(spectral, spectral.derivative(1), phase.sin()), ky * phase.cos())


def test_axis_zero_is_the_first_dimension_of_the_array() -> None:
    spectral, (x, _) = Spectral(OBLONG, CPU), coordinates(OBLONG)
    u = (math.pi * x).sin()
    assert torch.equal(x[:, 0], x[:, -1])
    torch.testing.assert_close(apply(spectral, spectral.derivative(1), u), torch.zeros_like(u))


def test_the_laplacian_of_a_wave_is_minus_its_squared_wavenumber() -> None:
    spectral = Spectral(OBLONG, CPU)
    phase, kx, ky = wave()
    torch.testing.assert_close(apply(spectral, spectral.laplacian(), phase.sin()), -(kx**2 + ky**2) * phase.sin())


def test_the_inverse_laplacian_undoes_the_laplacian_up_to_the_mean() -> None:
    spectral = Spectral(OBLONG, CPU)
    u = torch.randn(2, 3, *OBLONG.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    back = apply(spectral, spectral.inverse_laplacian() * spectral.laplacian(), u)
    torch.testing.assert_close(back, u - u.mean((-2, -1), keepdim=True))


def test_a_saw_of_two_points_a_wave_has_no_slope_but_a_curvature() -> None:
    spectral = Spectral(LINE, CPU)
    saw = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(12)
    k = 2 * math.pi * 12 / 3.0
    torch.testing.assert_close(apply(spectral, spectral.derivative(0), saw), torch.zeros_like(saw))
    torch.testing.assert_close(apply(spectral, spectral.laplacian(), saw), -(k**2) * saw)


def test_the_product_of_alias_free_fields_has_its_exact_transform_there() -> None:
    """The same product on a grid three times as fine has no aliases at all."""
    fine_grid = Grid(axes=OBLONG.axes, shape=(60, 45), offset=(0.0, 0.75))
    coarse, fine = Spectral(OBLONG, CPU), Spectral(fine_grid, CPU)
    seed = torch.Generator().manual_seed(1)
    u, v = torch.randn(2, *fine_grid.shape, dtype=torch.float64, generator=seed)
    kept = (3 * fine.mode(0).abs() < 20) & (3 * fine.mode(1).abs() < 15)
    u, v = apply(fine, kept, u), apply(fine, kept, v)
    exact = apply(fine, kept, u * v)[::3, ::3]
    product = apply(coarse, coarse.alias_free(), u[::3, ::3] * v[::3, ::3])
    torch.testing.assert_close(product, exact)
    assert coarse.alias_free().sum() == 13 * 5


def test_an_axis_with_walls_is_refused_by_name() -> None:
    grid = Grid(axes=(Axis(name="height", boundary="dirichlet"),), shape=(8,), offset=(0.5,))
    with pytest.raises(SpecError, match="height is dirichlet"):
        Spectral(grid, CPU)
