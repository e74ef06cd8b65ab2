"""The baseline and the residual know the equation: both are exact to their order on exact solutions."""

import math

import attrs
import pytest
import torch
from torch import Tensor
from ups_burgers.classical import Classical
from ups_burgers.cole_hopf import cole_hopf
from ups_burgers.dataset import Burgers
from ups_burgers.residual import BurgersResidual, BurgersResidualMetric, mean_square_residual

from ups_framework.api import Axis, Grid, Problem, SpecError

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
        found = Classical().build(problem)(truth[:, 0].float(), 3, problem.grid, torch.full((2, 1), VISCOSITY))
        assert found.shape == (2, 3, points, 1)
        errors.append(float((found - truth[:, 1:]).norm() / truth[:, 1:].norm()))
    assert errors[1] < 1e-3
    assert errors[0] / errors[1] > 3


def test_each_trajectory_has_its_own_viscosity() -> None:
    problem = problem_at(64, viscosity=(0.01, 0.1))
    start = exact(problem.grid, [0])[:1, 0].expand(4, -1, -1).float()
    parameters = torch.tensor([[0.1], [0.01], [0.1], [0.01]])
    found = Classical().build(problem)(start, 4, problem.grid, parameters)
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


@pytest.mark.parametrize("part", [Classical(), BurgersResidual(), BurgersResidualMetric()])
def test_another_equation_is_refused(part: Classical | BurgersResidual | BurgersResidualMetric) -> None:
    with pytest.raises(SpecError, match="use: knows Burgers' equation only, but the data is about 'advection'"):
        part.build(attrs.evolve(problem_at(64), name="advection"))
