"""Both solvers against exact solutions, and what the equation keeps and loses."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from ups_burgers.cole_hopf import cole_hopf
from ups_burgers.finite_volume import FiniteVolume
from ups_burgers.march import march, march_along
from ups_burgers.spectral import FourierETDRK4

from ups_framework.api import Axis, Boundary, Grid

CPU = torch.device("cpu")


def make_grid(points: int, boundary: Boundary = "periodic", offset: float = 0.5) -> Grid:
    return Grid(axes=(Axis(name="x", boundary=boundary),), shape=(points,), offset=(offset,))


def smooth_start(grid: Grid) -> Tensor:
    x = 2 * math.pi * grid.coordinates(0)
    return torch.stack([x.sin() + 0.5, 0.7 * (2 * x + 1).cos() - 0.3 * x.sin() - 0.4])


def relative(found: Tensor, true: Tensor) -> float:
    return float((found - true).norm() / true.norm())


def averages(u: Tensor, points: int) -> Tensor:
    """Over 16 points of each cell."""
    return torch.unflatten(u, -1, (points, 16)).mean(-1)


def exact_averages(points: int, viscosity: float, time: float) -> Tensor:
    """Cell averages of the exact solution, from 16 points a cell."""
    fine = make_grid(16 * points)
    return averages(cole_hopf(smooth_start(fine), viscosity, time), points)


def test_the_exact_solution_satisfies_the_equation() -> None:
    viscosity, dt = 0.1, 1e-4
    grid = make_grid(256)
    before, u, after = (cole_hopf(smooth_start(grid), viscosity, 0.2 + shift) for shift in (-dt, 0, dt))
    ik = 2j * math.pi * torch.fft.rfftfreq(256, 1 / 256, dtype=torch.float64)
    flux = torch.fft.irfft(ik * torch.fft.rfft(u**2 / 2) - viscosity / math.pi * ik**2 * torch.fft.rfft(u), n=256)
    assert relative((after - before) / (2 * dt), -flux) < 1e-6


def test_finite_volumes_are_of_second_order_in_a_smooth_regime() -> None:
    viscosity, time = 0.1, 0.1
    errors = []
    for points in (64, 128, 256):
        grid = make_grid(points)
        start = averages(smooth_start(make_grid(16 * points)), points)
        found = FiniteVolume(grid, viscosity, CPU).advance(start, time)
        errors.append(relative(found, exact_averages(points, viscosity, time)))
    orders = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert min(orders) > 1.8, (errors, orders)
    assert errors[-1] < 2e-4


def test_fourier_modes_agree_with_the_exact_solution() -> None:
    grid = make_grid(256)
    found = FourierETDRK4(grid, 0.1, CPU, largest_step=1e-3).advance(smooth_start(grid), 0.3)
    assert relative(found, cole_hopf(smooth_start(grid), 0.1, 0.3)) < 1e-9


def test_fourier_modes_are_of_fourth_order_in_time() -> None:
    grid = make_grid(128)
    true = cole_hopf(smooth_start(grid), 0.1, 0.3)
    steps = (0.02, 0.01, 0.005)
    errors = [relative(FourierETDRK4(grid, 0.1, CPU, dt).advance(smooth_start(grid), 0.3), true) for dt in steps]
    orders = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert min(orders) > 3.7, (errors, orders)


def test_both_solvers_agree_where_a_grid_resolves_the_front() -> None:
    grid = make_grid(512)
    start = smooth_start(grid)
    volumes, modes = (solver(grid, 0.03, CPU).advance(start, 0.5) for solver in (FiniteVolume, FourierETDRK4))
    assert relative(volumes, modes) < 2e-3


def test_a_shock_moves_with_the_mean_of_its_two_sides() -> None:
    """u = 1 left of 0.2 and 0 right of it: the front moves with speed ½, and 0.4 later is at 0.4."""
    grid = make_grid(512)
    x = grid.coordinates(0)
    start = ((x > 0.02) & (x < 0.2)).double()[None]
    found = FiniteVolume(grid, 1e-4, CPU).advance(start, 0.3)
    front = x[(found[0] > 0.5).nonzero().max()]
    assert front == pytest.approx(0.2 + 0.15, abs=2 / 512)
    assert float(found.max()) < 1 + 1e-9
    assert float(found.min()) > -1e-9


def test_a_rarefaction_through_zero_opens_smoothly() -> None:
    """From -1 to 1 at ½ the solution is (x - ½)/t: the flux must not keep the jump."""
    grid = make_grid(512)
    x = grid.coordinates(0)
    found = FiniteVolume(grid, 1e-6, CPU).advance((x - 0.5).sign()[None], 0.2)[0]
    fan = (x - 0.5).abs() < 0.15
    assert float((found - (x - 0.5) / 0.2)[fan].abs().max()) < 0.02


@pytest.mark.parametrize("solver", [FiniteVolume, FourierETDRK4])
def test_the_mean_stays_and_the_energy_decays(solver: type[FiniteVolume] | type[FourierETDRK4]) -> None:
    grid = make_grid(128)
    frames = march(solver(grid, 0.02, CPU), smooth_start(grid), frames=6, dt=0.1).double()
    assert torch.allclose(frames.mean(-1), frames[:, :1].mean(-1).expand(-1, 6), atol=1e-7)
    energy = frames.square().mean(-1)
    assert bool((energy[:, 1:] < energy[:, :-1]).all())
    moved = solver(grid, 0.02, CPU).advance(smooth_start(grid), 1.0)
    assert torch.allclose(moved.mean(-1), smooth_start(grid).mean(-1), atol=1e-13)


@pytest.mark.parametrize(("offset", "tolerance"), [(0.5, 1e-12), (0.125, 2e-3), (0.0, 1e-12)])
def test_walls_agree_with_the_odd_periodic_solution(offset: float, tolerance: float) -> None:
    """sin(2πx)(1 + ...) odd about 0, ½ and 1 is the same problem with and without walls."""
    points, viscosity, time = 256, 0.01, 0.4
    start = [
        (2 * math.pi * grid.coordinates(0)).sin()[None] + 0.4 * (4 * math.pi * grid.coordinates(0)).sin()
        for grid in (make_grid(points, "dirichlet", offset), make_grid(points, "periodic", offset))
    ]
    walls = FiniteVolume(make_grid(points, "dirichlet", offset), viscosity, CPU).advance(start[0], time)
    periodic = FiniteVolume(make_grid(points, "periodic", offset), viscosity, CPU).advance(start[1], time)
    assert relative(walls, periodic) < tolerance


def test_u_stays_zero_at_walls() -> None:
    """A start that is not odd about ½ pushes a front against a wall; one cell from it u is small still."""
    grid = make_grid(256, "dirichlet")
    x = grid.coordinates(0)
    found = FiniteVolume(grid, 0.05, CPU).advance((math.pi * x).sin()[None], 0.5)
    at_walls = 1.5 * found[0, [0, -1]] - 0.5 * found[0, [1, -2]]
    assert float(at_walls.abs().max()) < 1e-3
    assert float(found.max()) > 0.5


def test_a_moving_frame_of_reference_changes_nothing_but_the_cost() -> None:
    grid = make_grid(256)
    start = smooth_start(grid)
    solver = FourierETDRK4(grid, 0.03, CPU)
    resting = march(solver, start, frames=6, dt=0.05)
    moving = march_along(solver, start, grid, frames=6, dt=0.05)
    assert relative(moving, resting) < 1e-6
    moved = march_along(FiniteVolume(grid, 0.03, CPU), start, grid, frames=6, dt=0.05)
    assert relative(moved, resting) < 2e-3
