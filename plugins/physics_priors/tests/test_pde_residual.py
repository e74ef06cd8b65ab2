"""The residual penalty and its metric on a linear equation whose solution is exact."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import torch
from ups_physics_priors.pde_residual import PdeResidual, PdeResidualMetric

from plugins.physics_priors.tests.problems import DT, Tracer, advanced
from ups_framework.api import Parameter, SpecError, Step

MakeStep = Callable[..., Step]
CLOSE = 3e-6


def test_an_exact_step_misses_nothing_and_an_error_counts_over_the_size_of_the_start(make_step: MakeStep) -> None:
    problem = Tracer().problem()
    start = torch.rand(32, 1, generator=torch.Generator().manual_seed(0))
    exact = advanced(start[:, 0], problem.grid, DT, 0.005)[:, None] - start
    term = PdeResidual().build(problem)
    assert term(make_step(problem, start[None], exact)).item() < 1e-6
    wrong = term(make_step(problem, start[None], exact + 0.1))
    assert wrong.item() == pytest.approx(0.1 / start.square().mean().sqrt().item(), abs=CLOSE)


def test_each_frame_is_held_against_the_predicted_one_before(make_step: MakeStep) -> None:
    """Constants are solutions: 1, 1.5, 2 misses 0.5 twice, not 0.5 and 1."""
    problem = Tracer().problem()
    step = make_step(problem, torch.ones(1, 32, 1), torch.full((32, 1), 0.5), steps=2)
    assert PdeResidual().build(problem)(step).item() == pytest.approx(0.5, abs=CLOSE)


def test_the_truth_of_the_data_satisfies_it(tmp_path: Path) -> None:
    data = Tracer().build(folder=tmp_path, device=torch.device("cpu"), report=print)
    values = data.test.values
    assert PdeResidualMetric().build(data.problem)(values, values, data.test.grid).max().item() < 1e-6


def test_parameters_that_differ_between_samples_are_refused_to_the_metric_which_is_not_told() -> None:
    problem = attrs.evolve(Tracer().problem(), parameters=(Parameter(name="speed", low=0.5, high=1.5),))
    PdeResidual().build(problem)
    with pytest.raises(SpecError, match=r"use: needs one speed, but it is 0\.5 to 1\.5"):
        PdeResidualMetric().build(problem)
