"""The baseline and the residual know the equation: both are exact to their order on exact solutions."""

import math
from collections.abc import Sequence

import attrs
import pytest
import torch
from torch import Tensor
from ups_burgers.classical import FiniteVolumeBaseline, FourierBaseline, MovingFiniteVolumeBaseline
from ups_burgers.cole_hopf import cole_hopf
from ups_burgers.dataset import Burgers
from ups_burgers.fno_paper import FnoBurgers
from ups_burgers.residual import BurgersResidual, BurgersResidualMetric, mean_square_residual

from ups_framework.api import Axis, Baseline, EncodedFrame, Grid, Latent, Points, Problem, SpecError, Step
from ups_framework.api.step import PredictedFrame

VISCOSITY = 0.1


def problem_at(points: int, dt: float = 0.05, viscosity: tuple[float, ...] = (VISCOSITY,)) -> Problem:
    problem = Burgers(viscosity=viscosity, points=points).problem()
    return attrs.evolve(problem, dt=dt)


def exact(grid: Grid, times: list[float]) -> Tensor:
    """Solutions (B, times, N, 1) of a sine wave and of another one."""
    x = 2 * math.pi * grid.coordinates(0)
    start = torch.stack([x.sin() + 0.2, 0.5 * (2 * x).cos() + 0.1])
    return torch.stack([cole_hopf(start, VISCOSITY, time) for time in times], dim=1)[..., None]


def test_the_classical_solver_forecasts_the_exact_solution() -> None:
    errors = []
    for points in (64, 128):
        problem = problem_at(points)
        truth = exact(problem.grid, [0, 0.05, 0.1, 0.15])
        forecast = FiniteVolumeBaseline().build(problem)
        found = forecast(truth[:, 0].float(), 3, problem.grid, torch.full((2, 1), VISCOSITY))
        assert found.shape == (2, 3, points, 1)
        errors.append(float((found - truth[:, 1:]).norm() / truth[:, 1:].norm()))
    assert errors[1] < 1e-3
    assert errors[0] / errors[1] > 3


def test_the_forecast_by_fourier_modes_is_exact_where_the_grid_resolves_all() -> None:
    problem = problem_at(64)
    truth = exact(problem.grid, [0, 0.05, 0.1, 0.15])
    found = FourierBaseline().build(problem)(truth[:, 0].float(), 3, problem.grid, torch.full((2, 1), VISCOSITY))
    assert float((found - truth[:, 1:]).norm() / truth[:, 1:].norm()) < 1e-5


def test_in_moving_frames_finite_volumes_lose_half_as_much_at_travelling_fronts() -> None:
    """Waves on a mean speed of 1 to 2, which cross many cells; truth by Fourier modes on a grid that resolves them."""
    viscosity = 0.01
    coarse, fine = problem_at(128, viscosity=(viscosity,)), problem_at(1024, viscosity=(viscosity,))
    x = 2 * math.pi * fine.grid.coordinates(0)
    start = torch.stack([x.sin() + 1.0, 0.8 * (2 * x).cos() - 2.0])[..., None].float()
    parameters = torch.full((2, 1), viscosity)
    every = fine.grid.num_points // coarse.grid.num_points
    truth = FourierBaseline().build(fine)(start, 6, fine.grid, parameters)[:, :, ::every]
    resting, moving = (
        float((baseline.build(coarse)(start[:, ::every], 6, coarse.grid, parameters) - truth).norm() / truth.norm())
        for baseline in (FiniteVolumeBaseline(), MovingFiniteVolumeBaseline())
    )
    assert moving < 0.5 * resting


def test_with_more_points_for_the_solver_its_error_falls_with_second_order() -> None:
    coarse, parameters = problem_at(128), torch.full((2, 1), VISCOSITY)
    truth = exact(coarse.grid, [0, 0.05, 0.1, 0.15])
    errors = {}
    for refine in (1, 2, 4):
        found = MovingFiniteVolumeBaseline(refine=refine).build(coarse)(truth[:, 0].float(), 3, coarse.grid, parameters)
        errors[refine] = float((found - truth[:, 1:]).norm() / truth[:, 1:].norm())
    assert errors[1] > 3 * errors[2] > 9 * errors[4]


def test_in_moving_frames_a_common_speed_of_whole_points_a_step_changes_nothing_but_the_place() -> None:
    problem = problem_at(64)
    start = exact(problem.grid, [0])[:, 0].float()
    points, steps = 3, 4
    speed = points * problem.grid.spacing[0] / problem.dt
    forecast, parameters = MovingFiniteVolumeBaseline().build(problem), torch.full((2, 1), VISCOSITY)
    still, faster = (forecast(u, steps, problem.grid, parameters) for u in (start, start + speed))
    for step in range(steps):
        expected = still[:, step].roll(points * (step + 1), dims=1) + speed
        assert torch.allclose(faster[:, step], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("baseline", "what"),
    [(FourierBaseline, "Fourier modes"), (MovingFiniteVolumeBaseline, "moving frames of reference")],
)
def test_walls_are_refused_by_solvers_for_periodic_axes(baseline: type[Baseline], what: str) -> None:
    with pytest.raises(SpecError, match=f"use: {what} need a periodic axis; take 'finite_volume'"):
        baseline().build(Burgers(boundary="dirichlet").problem())


@pytest.mark.parametrize("part", [BurgersResidual(), BurgersResidualMetric()])
def test_differences_in_time_are_refused_where_frames_are_far_apart(
    part: BurgersResidual | BurgersResidualMetric,
) -> None:
    with pytest.raises(SpecError, match="use: the frames of this data are too far apart"):
        part.build(FnoBurgers().problem())


def test_each_trajectory_has_its_own_viscosity() -> None:
    problem = problem_at(64, viscosity=(0.01, 0.1))
    start = exact(problem.grid, [0])[:1, 0].expand(4, -1, -1).float()
    parameters = torch.tensor([[0.1], [0.01], [0.1], [0.01]])
    found = FiniteVolumeBaseline().build(problem)(start, 4, problem.grid, parameters)
    energy = found[:, -1].square().mean((1, 2))
    assert energy[0] == energy[2]
    assert energy[1] == energy[3]
    assert energy[0] < 0.9 * energy[1]


def test_the_residual_of_the_exact_solution_vanishes_with_second_order() -> None:
    residuals = []
    for refinement in (1, 2, 4):
        problem = problem_at(64 * refinement, dt=0.02 / refinement)
        frames = exact(problem.grid, [0.1, 0.1 + problem.dt])
        value = mean_square_residual(frames, problem.grid, problem.dt, torch.full((2, 1), VISCOSITY))
        residuals.append(float(value.sqrt()) / problem.dt)
    assert residuals[0] / residuals[1] > 3.5
    assert residuals[1] / residuals[2] > 3.5


def test_the_residual_without_change_is_what_the_solution_changes() -> None:
    """Frames that stay as they are miss the equation by dt u_t."""
    problem = problem_at(256, dt=1e-3)
    before, after = exact(problem.grid, [0.1, 0.101]).unbind(1)
    still = torch.stack([before, before], dim=1)
    found = mean_square_residual(still, problem.grid, problem.dt, torch.full((2, 1), VISCOSITY))
    assert float(found) == pytest.approx(float((after - before).square().mean() / before.square().mean()), rel=0.02)


def test_between_walls_the_axis_is_not_closed() -> None:
    """u = x/(1 + t) solves the equation but jumps from 1 to 0 where a periodic axis closes."""
    wall, ring = (
        Grid(axes=(Axis(name="x", boundary=kind),), shape=(64,), offset=(0.5,)) for kind in ("dirichlet", "periodic")
    )
    x = wall.coordinates(0)
    frames = torch.stack([x / (1 + time) for time in (0.0, 0.01)])[None, ..., None]
    viscosity = torch.full((1, 1), VISCOSITY)
    assert float(mean_square_residual(frames, wall, 0.01, viscosity)) < 1e-9
    assert float(mean_square_residual(frames, ring, 0.01, viscosity)) > 1e-3


def test_the_metric_is_the_functional_between_predicted_frames() -> None:
    problem = problem_at(64)
    prediction = exact(problem.grid, [0.05, 0.1, 0.15]) * torch.tensor([1.0, 1.1, 1.0])[:, None, None]
    found = BurgersResidualMetric().build(problem)(prediction, prediction, problem.grid)
    expected = mean_square_residual(prediction, problem.grid, problem.dt, torch.full((2, 1), VISCOSITY))
    assert found.shape == (3, 1)
    assert torch.allclose(found[1:, 0], expected)
    assert found[0] == found[1]


def test_several_viscosities_are_refused_by_the_metric() -> None:
    with pytest.raises(SpecError, match="needs one viscosity"):
        BurgersResidualMetric().build(problem_at(64, viscosity=(0.01, 0.1)))


class Growth:
    """A model that multiplies the field by a factor at each step, known on the training grid only."""

    def __init__(self, problem: Problem, factor: float) -> None:
        self.problem, self.grid_points = problem, problem.grid.points()
        self.factor = torch.tensor(factor, dtype=torch.float64, requires_grad=True)

    def encode(self, values: Tensor, parameters: Tensor) -> Latent:
        return Latent(tokens=values, positions=self.problem.grid.points())

    def decode(self, latent: Latent, points: Tensor, index: Tensor | None = None) -> Tensor:
        return latent.tokens

    def first(self, start: EncodedFrame, parameters: Tensor) -> PredictedFrame:
        advanced = start.latent.with_tokens(self.factor * start.field)
        return PredictedFrame(model=self, start=start, advanced=advanced)

    def next(self, frame: PredictedFrame, parameters: Tensor, *, cut: bool = False) -> PredictedFrame:
        return self.first(EncodedFrame(model=self, field=frame.advanced.tokens, latent=frame.advanced), parameters)

    def predict(self, frames: Sequence[PredictedFrame], points: Tensor, index: Tensor | None = None) -> Tensor:
        return torch.stack([frame.advanced.tokens for frame in frames], dim=1)


def growth_loss(factor: float, frames: int) -> tuple[Tensor, Growth]:
    """The loss of the model on a decaying wave without a front, and the model."""
    problem = problem_at(64, dt=0.01)
    model = Growth(problem, factor)
    truth = 0.01 * (2 * math.pi * problem.grid.coordinates(0)).sin().expand(2, frames, -1)[..., None]
    points = Points(coordinates=problem.grid.points()[:2], index=torch.arange(2))
    step = Step(model=model, truth=truth, parameters=torch.full((2, 1), VISCOSITY), points=points)
    return BurgersResidual().build(problem)(step), model


def test_the_loss_pulls_a_weak_wave_to_its_viscous_decay() -> None:
    """A small sine decays by exp(-4π ν dt); the loss is least there, and its gradient leads there from both sides."""
    decay = math.exp(-4 * math.pi * VISCOSITY * 0.01)
    assert growth_loss(decay, 3)[0] < 1e-6
    for factor, sign in ((decay + 0.01, 1), (decay - 0.01, -1)):
        loss, model = growth_loss(factor, 3)
        loss.backward()
        assert model.factor.grad is not None
        assert sign * float(model.factor.grad) > 0
        assert float(loss.detach()) == pytest.approx(1e-4, rel=0.1)


def test_the_loss_is_zero_where_nothing_is_predicted() -> None:
    assert growth_loss(1.0, 1)[0] == 0


@pytest.mark.parametrize(
    "part",
    [
        FiniteVolumeBaseline(),
        MovingFiniteVolumeBaseline(),
        FourierBaseline(),
        BurgersResidual(),
        BurgersResidualMetric(),
    ],
)
def test_another_equation_is_refused(part: Baseline | BurgersResidual | BurgersResidualMetric) -> None:
    with pytest.raises(SpecError, match="use: knows Burgers' equation only, but the data is about 'advection'"):
        part.build(attrs.evolve(problem_at(64), name="advection"))
