"""The positivity penalty and its metric against negative parts that can be written down."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from ups_physics_priors.positivity import Negativity, Positivity

from ups_framework.api import Field, Grid, Problem, Step

MakeStep = Callable[..., Step]
CLOSE = 2e-6


@pytest.fixture
def problem(make_grid: Callable[..., Grid]) -> Problem:
    return Problem(name="air", fields=(Field(name="density"), Field(name="u")), grid=make_grid(4), dt=0.1)


def of_density(values: list[float]) -> Tensor:
    """Beside a velocity of -1 everywhere."""
    return torch.tensor([[value, -1.0] for value in values])


def test_the_penalty_is_the_negative_part_over_the_size_of_the_start(problem: Problem, make_step: MakeStep) -> None:
    start, wanted = of_density([2.0, 2.0, 2.0, 2.0]), of_density([1.0, -0.5, 2.0, -1.0])
    step = make_step(problem, start[None], wanted - start)
    expected = math.sqrt((0.5**2 + 1) / 4) / 2
    assert Positivity(field="density").build(problem)(step).item() == pytest.approx(expected, abs=CLOSE)
    both = math.sqrt((expected**2 + 1) / 2)  # the velocity is all negative, of size 1
    assert Positivity().build(problem)(step).item() == pytest.approx(both, abs=CLOSE)


def test_the_metric_has_each_field_in_its_channel(problem: Problem) -> None:
    truth, prediction = of_density([2.0] * 4)[None, None], of_density([1.0, -0.5, 2.0, -1.0])[None, None]
    found = Negativity().build(problem)(prediction, truth, problem.grid)[0]
    assert found.tolist() == pytest.approx([math.sqrt(1.25 / 4) / 2, 1.0], rel=1e-6)
    named = Negativity(field="density").build(problem)(prediction, truth, problem.grid)[0]
    assert named.tolist() == pytest.approx([found[0].item(), 0.0])


def test_what_is_positive_or_zero_costs_nothing(problem: Problem, make_step: MakeStep) -> None:
    step = make_step(problem, of_density([0.0, 1.0, 2.0, 0.0])[None], torch.zeros(4, 2))
    assert Positivity(field="density").build(problem)(step).item() == 0.0
