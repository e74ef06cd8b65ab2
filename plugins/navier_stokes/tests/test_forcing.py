"""Flows that are driven: exact steady states, the budgets of energy and enstrophy, and statistics after a spin-up."""

import math

import pytest
import torch
from torch import Tensor
from ups_navier_stokes.equation import Equation, equation_of
from ups_navier_stokes.forced import NavierStokesForced
from ups_navier_stokes.generate import torus
from ups_navier_stokes.initial import fno_vorticity, random_vorticity
from ups_navier_stokes.kolmogorov import NavierStokesKolmogorov
from ups_navier_stokes.solver import curl, march, solve, velocity
from ups_navier_stokes.symmetries import shifts

from ups_framework.numerics.spectral import Spectral

KOLMOGOROV = NavierStokesKolmogorov(viscosity=2e-2, drag=0.1, wavenumber=2, points=16)


def equation(spec: NavierStokesKolmogorov | NavierStokesForced) -> Equation:
    """As parts that see only the problem get it."""
    parameters = spec.problem().parameters
    return equation_of([parameter.name for parameter in parameters], [parameter.low for parameter in parameters])


def mean(field: Tensor) -> Tensor:
    return field.mean((-2, -1))


def gradient_square(w: Tensor, points: int, length: float) -> Tensor:
    spectral = Spectral(torus(points, length), w.device)
    w_hat = spectral.forward(w)
    return sum((spectral.inverse(spectral.derivative(axis) * w_hat) ** 2 for axis in (0, 1)), start=torch.zeros(()))


def boole(values: Tensor, interval: float) -> Tensor:
    """Integral over the last dimension of 4 n + 1 samples, of sixth order."""
    weights = torch.tensor([14.0, 32.0, 12.0, 32.0] * (values.shape[-1] // 4) + [14.0], dtype=values.dtype)
    weights[0] = 7.0
    weights[-1] = 7.0
    return (values * weights).sum(-1) * interval * 2 / 45


@pytest.mark.parametrize("drag", [0.0, 0.1])
def test_the_laminar_kolmogorov_flow_is_steady(drag: float) -> None:
    """u = A/(νk² + μ) sin ky, so w = −A k/(νk² + μ) cos ky: −(A/νk) cos ky without drag. At small A it is stable."""
    spec = NavierStokesKolmogorov(viscosity=0.1, drag=drag, forcing=0.01, wavenumber=2, points=16)
    grid, k = torus(16, 2 * math.pi), 2
    y = grid.coordinates(1)
    laminar = (-0.01 * k / (0.1 * k**2 + drag) * (k * y).cos()).expand(16, 16)
    u, _ = velocity(laminar, grid)
    torch.testing.assert_close(u, (0.01 / (0.1 * k**2 + drag) * (k * y).sin()).expand(16, 16))
    later = solve(laminar, grid=grid, equation=equation(spec), interval=5.0, frames=3, substeps=20)
    torch.testing.assert_close(later, laminar.expand(3, 16, 16), rtol=0, atol=1e-14)
    from_rest = solve(torch.zeros(16, 16), grid=grid, equation=equation(spec), interval=100.0, frames=2, substeps=200)
    torch.testing.assert_close(from_rest[1], laminar, rtol=1e-10, atol=1e-14)


def test_the_force_of_the_kolmogorov_flow_is_a_sine_of_y_along_x() -> None:
    grid = torus(16, 2 * math.pi)
    spec = NavierStokesKolmogorov(forcing=0.7, wavenumber=3, points=16)
    force_x, force_y = velocity(equation(spec).forcing(grid, torch.device("cpu")), grid)
    torch.testing.assert_close(force_x, (0.7 * (3 * grid.coordinates(1)).sin()).expand(16, 16))
    assert force_y.abs().max() < 1e-15


def test_the_force_of_the_paper_s_flows_is_the_paper_s() -> None:
    grid = torus(16)
    x, y = torch.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    theirs = 0.1 * (torch.sin(2 * math.pi * (x + y)) + torch.cos(2 * math.pi * (x + y)))
    found = equation(NavierStokesForced(points=16)).forcing(grid, torch.device("cpu"))
    torch.testing.assert_close(found, theirs)


@pytest.mark.parametrize("spec", [KOLMOGOROV, NavierStokesForced(points=16, viscosity=5e-3)], ids=["drag", "fno"])
def test_energy_and_enstrophy_change_by_what_force_drag_and_viscosity_give_and_take(
    spec: NavierStokesKolmogorov | NavierStokesForced,
) -> None:
    """dE/dt = −2νZ − 2μE + ⟨ψF⟩ and dZ/dt = −2νP − 2μZ + ⟨wF⟩ with P = ½⟨|∇w|²⟩, to one part in 10⁶ of the losses."""
    length, points = spec.problem().grid.axes[0].length, 32
    grid, terms, interval = torus(points, length), equation(spec), 0.02 * length
    start = random_vorticity(grid, torch.Generator().manual_seed(0)) * (0.5 if terms.drag else 0.1)
    w = solve(start, grid=grid, equation=terms, interval=interval, frames=41, substeps=8)
    spectral, force = Spectral(grid, w.device), terms.forcing(grid, w.device)
    psi = spectral.inverse(-spectral.inverse_laplacian() * spectral.forward(w))
    energy, enstrophy = mean(psi * w) / 2, mean(w**2) / 2
    palinstrophy = mean(gradient_square(w, points, length)) / 2
    for amount, lost, given in (
        (energy, 2 * terms.viscosity * enstrophy + 2 * terms.drag * energy, mean(psi * force)),
        (enstrophy, 2 * terms.viscosity * palinstrophy + 2 * terms.drag * enstrophy, mean(w * force)),
    ):
        change = boole(given - lost, interval)
        torch.testing.assert_close(amount[-1] - amount[0], change, rtol=0, atol=1e-6 * float(boole(lost, interval)))
        assert boole(given.abs(), interval) > 0.05 * boole(lost, interval)


def test_with_force_and_drag_halving_the_step_divides_the_error_by_sixteen() -> None:
    grid = torus(32, 2 * math.pi)
    start = random_vorticity(grid, torch.Generator().manual_seed(0))

    def end(substeps: int) -> Tensor:
        terms = equation(KOLMOGOROV)
        return solve(start, grid=grid, equation=terms, interval=2.0, frames=2, substeps=substeps)[-1]

    exact = end(640)
    coarse, fine = (float((end(substeps) - exact).norm()) for substeps in (40, 80))
    assert math.log2(coarse / fine) == pytest.approx(4, abs=0.3)


def test_the_error_falls_exponentially_with_the_points() -> None:
    """Each doubling divides it by more than the one before: no power of the points does that."""

    def end(points: int) -> Tensor:
        grid = torus(points, 2 * math.pi)
        start = (grid.coordinates(0).cos()[:, None] + grid.coordinates(1).cos() * 0.7).expand(points, points)
        w = start + (grid.coordinates(0)[:, None] + 2 * grid.coordinates(1)).sin()
        return solve(w, grid=grid, equation=Equation(viscosity=0.1), interval=1.0, frames=2, substeps=40)[-1]

    exact = end(96)
    errors = [float((end(n) - exact[:: 96 // n, :: 96 // n]).norm() / n) for n in (12, 24, 48)]
    assert errors[0] / errors[1] > 100
    assert errors[1] / errors[2] > 1e4
    assert errors[2] < 1e-9


def test_frames_with_chosen_steps_are_those_of_many_small_ones() -> None:
    """From rest too, where speed alone would ask for one step."""
    grid, terms = torus(32, 2 * math.pi), equation(KOLMOGOROV)
    start = torch.stack([torch.zeros(32, 32), random_vorticity(grid, torch.Generator().manual_seed(0))])
    frames = torch.stack(list(march(start, grid=grid, equation=terms, interval=0.5, frames=5)), dim=1)
    finely = solve(start, grid=grid, equation=terms, interval=0.5, frames=5, substeps=200)
    torch.testing.assert_close(frames, finely, rtol=0, atol=1e-4)


def test_a_kolmogorov_flow_is_statistically_steady_after_its_spin_up() -> None:
    """Mean energy of 8 flows over 20 units of time after it, and over the next 20."""
    grid, terms = torus(16, 2 * math.pi), equation(KOLMOGOROV)
    start = torch.stack([random_vorticity(grid, torch.Generator().manual_seed(seed)) for seed in range(8)])
    frames = solve(start, grid=grid, equation=terms, interval=1.0, frames=91, substeps=16)
    energy = torch.stack(velocity(frames, grid)).square().sum(0).mean((0, 2, 3)) / 2
    assert energy[50:70].mean() == pytest.approx(float(energy[70:].mean()), rel=0.1)
    assert abs(energy[0] - energy[50:].mean()) > 0.3 * energy[50:].mean()


def test_starts_of_the_paper_s_flows_have_its_covariance() -> None:
    """⟨|ŵ_k|²⟩ = 7³ (4π²|k|² + 49)^−2.5 for the waves of the real field, over 500 draws."""
    grid = torus(64)
    draw = torch.Generator().manual_seed(0)
    w = torch.stack([fno_vorticity(grid, draw) for _ in range(500)])
    power = torch.fft.fft2(w, norm="forward").abs().square().mean(0)
    for m, n in ((1, 0), (0, 2), (3, 1), (5, 5), (20, 4)):
        squared = 4 * math.pi**2 * (m**2 + n**2)
        assert float(power[m, n]) == pytest.approx(7**3 * (squared + 49) ** -2.5, rel=0.2)
    assert w.mean((-2, -1)).abs().max() < 1e-12


@pytest.mark.parametrize("spec", [KOLMOGOROV, NavierStokesForced(points=16)], ids=["kolmogorov", "fno"])
def test_shifts_leave_the_force_as_it_is_and_move_the_flow(spec: NavierStokesKolmogorov | NavierStokesForced) -> None:
    grid = spec.problem().grid
    force = equation(spec).forcing(grid, torch.device("cpu")).flatten()[None, None, :, None].repeat(4, 1, 1, 1)
    flow = torch.rand(4, 1, grid.num_points, 1, generator=torch.Generator().manual_seed(0))
    symmetry = shifts(equation(spec))
    torch.testing.assert_close(symmetry(force, grid, 0.1, torch.Generator().manual_seed(1)), force)
    moved = symmetry(flow, grid, 0.1, torch.Generator().manual_seed(1))
    assert (moved != flow).flatten(1).any(1).sum() >= 3
    torch.testing.assert_close(moved.sort(2).values, flow.sort(2).values)


def test_the_curl_of_a_velocity_is_the_vorticity_that_it_was_made_from() -> None:
    grid = torus(32)
    w = random_vorticity(grid, torch.Generator().manual_seed(0))
    torch.testing.assert_close(curl(torch.stack(velocity(w, grid), dim=-1), grid), w)
