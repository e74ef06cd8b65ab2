"""Augmented trajectories are solutions: the solver, started from their first frame, arrives at their last."""

import math

import pytest
import torch
from torch import Tensor
from ups_burgers.finite_volume import FiniteVolume
from ups_burgers.march import march
from ups_burgers.spectral import FourierETDRK4
from ups_burgers.symmetries import galilean, mirror, reflect, shift, symmetries

from ups_framework.api import Axis, Boundary, Grid, Symmetry
from ups_framework.numerics.random import generator

POINTS, DT, FRAMES, VISCOSITY = 256, 0.05, 5, 0.05


def make_grid(boundary: Boundary = "periodic", offset: float = 0.125) -> Grid:
    return Grid(axes=(Axis(name="x", boundary=boundary),), shape=(POINTS,), offset=(offset,))


def solve(start: Tensor, grid: Grid) -> Tensor:
    solver_type = FourierETDRK4 if grid.axes[0].periodic else FiniteVolume
    solver = solver_type(grid, VISCOSITY, torch.device("cpu"))
    return march(solver, start.double(), frames=FRAMES, dt=DT)[..., None]


def solution(grid: Grid) -> Tensor:
    x = 2 * math.pi * grid.coordinates(0)
    window = 1.0 if grid.axes[0].periodic else (x / 2).sin()
    phases = torch.linspace(0, 5, 6, dtype=torch.float64)[:, None]
    return solve(((x + phases).sin() + 0.4 * (2 * x - phases).cos() + 0.3) * window, grid)


@pytest.mark.parametrize("symmetry", [shift, reflect, galilean])
def test_a_periodic_symmetry_maps_solutions_to_solutions(symmetry: Symmetry) -> None:
    grid = make_grid()
    values = solution(grid)
    mapped = symmetry(values, grid, DT, generator(3, "test"))
    assert not torch.allclose(mapped, values, atol=1e-2)
    assert torch.allclose(solve(mapped[:, 0, :, 0], grid), mapped, atol=2e-6)


def test_walls_change_places_on_a_grid_that_is_its_own_mirror_image() -> None:
    grid = make_grid("dirichlet", 0.5)
    values = solution(grid)
    mapped = mirror(values, grid, DT, generator(3, "test"))
    assert not torch.allclose(mapped, values, atol=1e-2)
    assert torch.allclose(solve(mapped[:, 0, :, 0], grid), mapped, atol=2e-6)


@pytest.mark.parametrize("symmetry", [shift, reflect, galilean])
def test_the_generator_alone_decides(symmetry: Symmetry) -> None:
    grid = make_grid()
    values = torch.randn(8, 3, POINTS, 1, generator=generator(0, "values"))
    first, again, other = (symmetry(values, grid, DT, generator(seed, "test")) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_samples_are_mapped_independently() -> None:
    grid = make_grid()
    values = torch.randn(1, 3, POINTS, 1, generator=generator(0, "values")).expand(16, -1, -1, -1)
    for symmetry, at_least in ((shift, 10), (reflect, 2), (galilean, 4)):
        assert len(symmetry(values, grid, DT, generator(5, "test")).flatten(1).unique(dim=0)) >= at_least


def test_only_exact_symmetries_are_offered() -> None:
    assert symmetries(make_grid(), DT) == (shift, reflect, galilean)
    assert symmetries(make_grid(), 0.01) == (shift, reflect)
    assert symmetries(make_grid("dirichlet", 0.125), DT) == ()
    assert symmetries(make_grid("dirichlet", 0.5), DT) == (mirror,)
