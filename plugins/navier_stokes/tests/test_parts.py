"""What is built for the plugin's problems: velocity data, the residual, the baseline and the picture."""

import math
from collections.abc import Callable

import attrs
import pytest
import torch
from torch import Tensor
from ups_navier_stokes.baseline import PseudoSpectral
from ups_navier_stokes.decaying import NavierStokesDecaying
from ups_navier_stokes.forced import NavierStokesForced
from ups_navier_stokes.generate import torus
from ups_navier_stokes.kolmogorov import NavierStokesKolmogorov
from ups_navier_stokes.pictures import energy, enstrophy
from ups_navier_stokes.solver import curl

from ups_framework.api import Axis, Data, Dataset, Field, Grid, Problem, SpecError
from ups_framework.numerics.derivative import divergence, gradient_square

SPECS: dict[str, Dataset] = {
    "decaying": NavierStokesDecaying(viscosity=1e-2, points=16, frames=4, train=2, validation=1, test=2),
    "kolmogorov": NavierStokesKolmogorov(
        viscosity=4e-2, points=16, frames=4, dt=0.1, spin_up=2.0, train=2, validation=1, test=2
    ),
    "forced": NavierStokesForced(
        viscosity=5e-3, points=16, refinement=2, frames=4, dt=0.5, train=2, validation=1, test=2
    ),
}
Made = Callable[[str, str], Data]
each = pytest.mark.parametrize("name", SPECS)
either = pytest.mark.parametrize("fields", ["vorticity", "velocity"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("data")

    def build(name: str, fields: str) -> Data:
        spec = attrs.evolve(SPECS[name], fields=fields)  # type: ignore[misc]  # all three are attrs classes
        data: Data = spec.build(folder=folder, device=torch.device("cpu"), report=lambda _: None)
        return data

    return build


def size(values: Tensor) -> float:
    return float(values.square().mean().sqrt())


@each
def test_velocity_and_vorticity_are_the_same_flows(name: str, made: Made) -> None:
    """On the solver's grid: the curl of one is the other, up to the rounding of float32, and nothing is compressed."""
    flow, w = made(name, "velocity").test, made(name, "vorticity").test
    assert flow.values.shape == (2, 4, 1024, 2)
    found = curl(flow.grid.unflatten(flow.values).double(), flow.grid).flatten(2)
    assert size(found - w.values[..., 0]) < 1e-5 * size(w.values)
    values = flow.values.double()
    assert divergence(values, flow.grid).abs().max() < 1e-5 * gradient_square(values, flow.grid).mean().sqrt()


def test_momentum_is_conserved_under_force_and_drag(made: Made) -> None:
    data = made("kolmogorov", "velocity")
    (momentum,) = data.problem.conserved
    assert (momentum.name, momentum.field, momentum.power) == ("momentum", "velocity", 1)
    assert data.test.values.double().mean(2).abs().max() < 1e-6


@each
@either
def test_a_problem_names_the_terms_that_its_flows_obey(name: str, fields: str, made: Made) -> None:
    data = made(name, fields)
    assert data.problem.name == f"navier_stokes_{fields}"
    values = {parameter.name: parameter.low for parameter in data.problem.parameters}
    assert data.test.parameters[0].tolist() == pytest.approx(list(values.values()))
    assert (
        values
        == {
            "decaying": {"viscosity": 1e-2},
            "kolmogorov": {"viscosity": 4e-2, "drag": 0.1, "forcing_cos": -4.0, "forcing_y": 4.0},
            "forced": {"viscosity": 5e-3, "forcing_cos": 0.1, "forcing_sin": 0.1, "forcing_x": 1.0, "forcing_y": 1.0},
        }[name]
    )


@each
@either
def test_true_frames_have_a_small_residual_and_frozen_ones_a_large_one(name: str, fields: str, made: Made) -> None:
    data = made(name, fields)
    assert data.problem.residual is not None
    values, parameters = data.test.values.double(), data.test.parameters.double()
    still = values[:, :1].expand_as(values)
    true, frozen = (
        size(data.problem.residual(frames, data.test.grid, data.test.dt, parameters)) for frames in (values, still)
    )
    assert true < 0.2 * frozen


@each
@either
def test_the_residual_knows_the_force_and_the_drag(name: str, fields: str, made: Made) -> None:
    """With a wrong value of any parameter true frames miss more."""
    data = made(name, fields)
    assert data.problem.residual is not None
    values, parameters = data.test.values.double(), data.test.parameters.double()
    true = size(data.problem.residual(values, data.test.grid, data.test.dt, parameters))
    for column in range(parameters.shape[1]):
        wrong = parameters.clone()
        wrong[:, column] *= 2
        assert size(data.problem.residual(values, data.test.grid, data.test.dt, wrong)) > 1.02 * true


@either
def test_the_residual_of_taylor_green_vortices_is_the_error_of_crank_and_nicolson(fields: str) -> None:
    """q = q₀ e^{−λt} with λ = 2νk² misses 1 − z/2 over 1 + z/2 against e^{−z}, z = λ dt: z³/12 to leading order."""
    spec = NavierStokesDecaying(viscosity=0.05, points=16, fields="velocity" if fields == "velocity" else "vorticity")
    problem, k, dt = spec.problem(), 2 * math.pi, 0.02
    assert problem.residual is not None
    x, y = torus(16).points().double().unbind(-1)
    if fields == "vorticity":
        start = (-2 * k * (k * x).cos() * (k * y).cos())[:, None]
    else:
        start = torch.stack([(k * x).cos() * (k * y).sin(), -(k * x).sin() * (k * y).cos()], dim=-1)
    z = 2 * 0.05 * k**2 * dt
    frames = torch.stack([start, start * math.exp(-z)])[None]
    found = problem.residual(frames, problem.grid, dt, torch.tensor([[0.05]], dtype=torch.float64))
    exact = (math.exp(-z) * (1 + z / 2) - (1 - z / 2)) * start
    torch.testing.assert_close(found[0, 0], exact, rtol=1e-5, atol=1e-8)
    assert size(found) == pytest.approx(z**3 / 12 * size(start), rel=0.1)


@either
def test_the_residual_has_a_gradient_in_single_precision(fields: str, made: Made) -> None:
    data = made("forced", fields)
    assert data.problem.residual is not None
    frames = data.train.values.clone().requires_grad_()
    missed = data.problem.residual(frames, data.train.grid, data.train.dt, data.train.parameters)
    assert missed.dtype == torch.float32
    (gradient,) = torch.autograd.grad(missed.square().mean(), frames)
    assert bool(gradient.isfinite().all())
    assert gradient.abs().max() > 0


def test_a_divergence_is_missed_as_a_whole(made: Made) -> None:
    """Pressure has none: it takes the one that advection makes, and viscosity adds ν k² dt/2 of that of frame 1."""
    data = made("decaying", "velocity")
    assert data.problem.residual is not None
    grid, dt = data.test.grid, data.test.dt
    x, _ = grid.points().double().unbind(-1)
    frames, parameters = data.test.values[:, :2].double(), data.test.parameters.double()
    gradient = torch.stack([(2 * math.pi * x).sin(), torch.zeros_like(x)], dim=-1)
    off = frames + torch.stack([torch.zeros_like(gradient), gradient])
    missed = divergence(data.problem.residual(off, grid, dt, parameters), grid)
    expected = (1 + 1e-2 * (2 * math.pi) ** 2 * dt / 2) * divergence(gradient, grid)
    torch.testing.assert_close(missed[:, 0], expected.expand(2, -1), rtol=0, atol=1e-4)


@each
@either
def test_the_baseline_on_the_solver_s_grid_gives_the_data(name: str, fields: str, made: Made) -> None:
    """It finds forcing, drag and viscosity in the parameters alone."""
    data = made(name, fields)
    forecast = PseudoSpectral().build(data.problem)
    frames = forecast(data.test.values[:, 0], 3, data.test.grid, data.test.parameters)
    assert frames.dtype == torch.float32
    assert size(frames - data.test.values[:, 1:]) < 1e-4 * size(data.test.values)


@either
def test_the_baseline_beats_persistence_on_the_training_grid(fields: str, made: Made) -> None:
    data = made("decaying", fields)
    coarse = data.test.subsample(2)
    frames = PseudoSpectral().build(data.problem)(coarse.values[:, 0], 3, coarse.grid, coarse.parameters)
    truth = coarse.values[:, 1:]
    assert size(frames - truth) < 0.2 * size(coarse.values[:, :1] - truth)


def test_each_trajectory_of_a_batch_has_its_own_viscosity(made: Made) -> None:
    data = made("decaying", "vorticity")
    forecast = PseudoSpectral().build(data.problem)
    start = data.test.values[:1, 0].repeat(2, 1, 1)
    parameters = torch.tensor([[1e-2], [1e-1]])
    both = forecast(start, 2, data.test.grid, parameters)
    alone = forecast(start[1:], 2, data.test.grid, parameters[1:])
    torch.testing.assert_close(both[1:], alone)
    assert both[1].abs().max() < 0.9 * both[0].abs().max()


def test_baseline_refuses_another_equation_by_name() -> None:
    grid = Grid(axes=(Axis(name="x"),), shape=(8,), offset=(0.0,))
    other = Problem(name="waves", fields=(Field(name="u"),), grid=grid, dt=0.1)
    with pytest.raises(SpecError, match=r"flows on the torus only.*'waves'"):
        PseudoSpectral().build(other)


@each
def test_energy_and_enstrophy_are_the_same_of_velocity_and_vorticity(name: str, made: Made) -> None:
    flow, w = made(name, "velocity").test, made(name, "vorticity").test
    for amount in (energy, enstrophy):
        torch.testing.assert_close(amount(flow.values, flow.grid), amount(w.values, w.grid), rtol=1e-5, atol=0)
