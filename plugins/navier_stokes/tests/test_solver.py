"""The solver against exact solutions, its order in time, and the budgets of energy and enstrophy."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from ups_navier_stokes.equation import Equation
from ups_navier_stokes.generate import torus
from ups_navier_stokes.initial import random_vorticity
from ups_navier_stokes.solver import VorticitySolver, num_substeps, solve, velocity

from ups_framework.api import Axis, DataError, Grid

CPU = torch.device("cpu")
OBLONG = Grid(axes=(Axis(name="x", upper=2.0), Axis(name="y", upper=1.0)), shape=(36, 24), offset=(0.5, 0.0))


def coordinates(grid: Grid) -> tuple[Tensor, Tensor]:
    x, y = torch.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    return x, y


def eddies(*, points: int = 32, count: int = 1, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.stack([random_vorticity(torus(points), draw) for _ in range(count)])


def relative(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


def energy(w: Tensor, grid: Grid) -> Tensor:
    u, v = velocity(w, grid)
    return ((u**2 + v**2) / 2).mean((-2, -1))


def simpson(values: Tensor, interval: float) -> Tensor:
    """Integral over the last dimension, which has an odd number of samples."""
    weights = torch.tensor([1.0, *[4.0, 2.0] * (values.shape[-1] // 2 - 1), 4.0, 1.0], dtype=values.dtype)
    return (values * weights).sum(-1) * interval / 3


def test_taylor_green_vortices_decay_as_the_exact_solution_on_an_oblong_torus() -> None:
    """w = A cos(kx x) cos(ky y) exp(−ν (kx² + ky²) t): its advection vanishes."""
    x, y = coordinates(OBLONG)
    kx, ky, nu = 2 * math.pi * 2 / 2.0, 2 * math.pi * 3 / 1.0, 1e-2
    start = 5.0 * (kx * x).cos() * (ky * y).cos()
    solution = solve(start, grid=OBLONG, equation=Equation(viscosity=nu), interval=0.1, frames=6, substeps=10)
    for frame in range(6):
        exact = start * math.exp(-nu * (kx**2 + ky**2) * 0.1 * frame)
        torch.testing.assert_close(solution[frame], exact, rtol=0, atol=1e-12)


def test_taylor_green_vortices_have_the_velocity_of_the_textbook() -> None:
    """ψ = w / 2k², u = ∂ψ/∂y and v = −∂ψ/∂x."""
    grid, k = torus(16), 2 * math.pi
    x, y = coordinates(grid)
    u, v = velocity(2 * k * (k * x).cos() * (k * y).cos(), grid)
    torch.testing.assert_close(u, -(k * x).cos() * (k * y).sin())
    torch.testing.assert_close(v, (k * x).sin() * (k * y).cos())


def test_advection_is_the_closed_form_for_a_wave_carried_by_a_shear() -> None:
    """A shear of two waves along y carries a wave along x, whose own flow bends the shear; derivatives by hand."""
    grid, k, epsilon = torus(16), 2 * math.pi, 0.3
    x, y = coordinates(grid)
    w = (2 * k * y).cos() + epsilon * (k * x).cos()
    u, v = -(2 * k * y).sin() / (2 * k), epsilon * (k * x).sin() / k
    w_x, w_y = -epsilon * k * (k * x).sin(), -2 * k * (2 * k * y).sin()
    solver = VorticitySolver(grid=grid, equation=Equation(viscosity=0.0), dt=0.1, device=CPU)
    advection = solver.spectral.inverse(solver.advection(solver.transform(w)))
    torch.testing.assert_close(advection, -(u * w_x + v * w_y))
    assert advection.abs().max() > 0.1


def test_halving_the_step_divides_the_error_by_sixteen() -> None:
    start = eddies()

    def end(substeps: int) -> Tensor:
        return solve(
            start, grid=torus(32), equation=Equation(viscosity=5e-3), interval=0.4, frames=2, substeps=substeps
        )[:, -1]

    exact = end(512)
    errors = [relative(end(substeps), exact) for substeps in (32, 64, 128)]
    for coarse, fine in itertools.pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(4, abs=0.25), errors


def test_doubling_the_points_changes_a_resolved_flow_by_less_than_a_hundred_thousandth() -> None:
    coarse, fine = (
        solve(
            eddies(points=points),
            grid=torus(points),
            equation=Equation(viscosity=1e-2),
            interval=0.2,
            frames=2,
            substeps=40,
        )
        for points in (48, 96)
    )
    assert relative(coarse[:, -1], fine[:, -1, ::2, ::2]) < 1e-5


def test_energy_falls_by_what_viscosity_takes_to_one_part_in_ten_million() -> None:
    """dE/dt = −2 ν Z with E = ⟨u² + v²⟩/2 and the enstrophy Z = ⟨w²⟩/2."""
    nu, interval, grid = 1e-2, 0.005, torus(32)
    w = solve(eddies(count=2), grid=grid, equation=Equation(viscosity=nu), interval=interval, frames=41, substeps=2)
    kinetic, enstrophy = energy(w, grid), (w**2).mean((-2, -1)) / 2
    lost = kinetic[:, 0] - kinetic[:, -1]
    torch.testing.assert_close(lost, 2 * nu * simpson(enstrophy, interval), rtol=1e-7, atol=0)
    assert (lost > 0.02 * kinetic[:, 0]).all()


def test_without_viscosity_energy_enstrophy_and_the_mean_stay() -> None:
    grid = torus(32)
    w = solve(eddies(), grid=grid, equation=Equation(viscosity=0.0), interval=0.5, frames=2, substeps=200)
    assert relative(energy(w, grid)[:, 1], energy(w, grid)[:, 0]) < 1e-7
    assert relative((w[:, 1] ** 2).mean(), (w[:, 0] ** 2).mean()) < 1e-6
    assert w.mean((-2, -1)).abs().max() < 1e-13


def test_a_shifted_start_gives_the_shifted_flow() -> None:
    start = eddies()

    def flow(w: Tensor) -> Tensor:
        return solve(w, grid=torus(32), equation=Equation(viscosity=1e-3), interval=0.1, frames=3, substeps=20)

    by = (5, -3)
    torch.testing.assert_close(flow(start.roll(by, (-2, -1))), flow(start).roll(by, (-2, -1)))


def test_a_batch_flows_as_its_members_do_alone() -> None:
    start, grid = eddies(count=3), torus(32)
    together = solve(start, grid=grid, equation=Equation(viscosity=1e-3), interval=0.1, frames=2, substeps=20)
    alone = solve(start[1], grid=grid, equation=Equation(viscosity=1e-3), interval=0.1, frames=2, substeps=20)
    torch.testing.assert_close(together[1], alone)


def test_the_chosen_number_of_steps_is_stable_and_a_third_of_it_is_not() -> None:
    start, grid = eddies(points=64), torus(64)
    substeps = num_substeps(start, grid=grid, equation=Equation(viscosity=1e-5), interval=0.25)
    stable = solve(start, grid=grid, equation=Equation(viscosity=1e-5), interval=0.25, frames=9, substeps=substeps)
    assert stable[:, -1].abs().max() < 2 * start.abs().max()
    with pytest.raises(DataError, match="unstable"):
        solve(start, grid=grid, equation=Equation(viscosity=1e-5), interval=0.25, frames=9, substeps=substeps // 3)
