"""The smoothness penalty and its metric against gradients that are known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from ups_physics_priors.smoothness import Roughness, Smoothness

from ups_framework.api import Field, Grid, Problem, Step

MakeStep = Callable[..., Step]
MakeGrid = Callable[..., Grid]
CLOSE = 3e-6


def problem_on(grid: Grid, components: int = 1) -> Problem:
    return Problem(name="wave", fields=(Field(name="u", components=components),), grid=grid, dt=0.1)


def wave(grid: Grid, waves: int = 1, amplitude: float = 1.0) -> Tensor:
    """A sine along x, whose gradient norm is proportional to the number of waves."""
    return amplitude * torch.sin(waves * math.pi * grid.points()[:, :1])


def test_the_penalty_is_the_gradient_s_excess_over_the_truth_s_in_gradients_of_the_start(
    make_grid: MakeGrid, make_step: MakeStep
) -> None:
    """‖∇(sin + a sin 3·)‖ = ‖∇ sin‖ √(1 + 9a²)."""
    grid = make_grid(32)
    problem, term = problem_on(grid), Smoothness().build(problem_on(grid))
    rough = term(make_step(problem, wave(grid)[None], wave(grid, 3, 0.4)))
    assert rough.item() == pytest.approx(math.sqrt(1 + 9 * 0.16) - 1, abs=CLOSE)
    less = term(make_step(problem, wave(grid)[None], wave(grid, 3, 0.4), true_change=wave(grid, 3, 0.2)))
    assert less.item() == pytest.approx(math.sqrt(1 + 9 * 0.16) - math.sqrt(1 + 9 * 0.04), abs=CLOSE)


def test_a_true_front_and_a_smoother_prediction_cost_nothing(make_grid: MakeGrid, make_step: MakeStep) -> None:
    grid = make_grid(64)
    problem, front = problem_on(grid), (grid.points()[:, :1].abs() < 0.5).float() - wave(grid)
    term = Smoothness().build(problem)
    assert term(make_step(problem, wave(grid)[None], front, true_change=front)).item() == 0.0
    assert term(make_step(problem, wave(grid)[None], torch.zeros(64, 1), true_change=front)).item() == 0.0


@pytest.mark.parametrize("boundary", ["periodic", "neumann"])
def test_it_is_the_same_on_any_grid_and_for_any_batch(make_grid: MakeGrid, make_step: MakeStep, boundary: str) -> None:
    values = []
    for points, batch in ((64, 1), (128, 1), (64, 5)):
        grid = make_grid(points, boundary=boundary)
        step = make_step(problem_on(grid), wave(grid)[None].repeat(batch, 1, 1), wave(grid, 3, 0.4))
        values.append(Smoothness().build(step.problem)(step).item())
    assert values[2] == pytest.approx(values[0], rel=1e-5)
    assert values[1] == pytest.approx(values[0], rel=1e-5 if boundary == "periodic" else 0.02)


def test_a_constant_has_no_gradient_and_none_of_it(make_grid: MakeGrid, make_step: MakeStep) -> None:
    grid = make_grid(32)
    change = (-wave(grid) + 1).requires_grad_()  # predicts 1 everywhere
    value = Smoothness().build(problem_on(grid))(make_step(problem_on(grid), wave(grid)[None], change))
    (gradient,) = torch.autograd.grad(value, change)
    assert value.item() == 0.0
    assert gradient.abs().max().item() == 0.0


def test_the_metric_has_one_excess_a_channel_in_gradients_of_its_field(make_grid: MakeGrid) -> None:
    grid = make_grid(16, 16)
    truth = wave(grid).expand(-1, 2)[None, None]
    prediction = truth * torch.tensor([3.0, 0.5])
    found = Roughness().build(problem_on(grid, 2))(prediction, truth, grid)[0]
    assert found.tolist() == pytest.approx([2 / math.sqrt(2), 0.0], abs=1e-5)
