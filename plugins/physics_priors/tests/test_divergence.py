"""The divergence penalty and its metric against flows whose divergence is known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from ups_physics_priors.divergence import Divergence, DivergenceNorm, MeanAbsoluteDivergence

from ups_framework.api import Field, Grid, Problem, SpecError, Step

MakeStep = Callable[..., Step]


@pytest.fixture
def torus(make_grid: Callable[..., Grid]) -> Grid:
    return make_grid(16, 16)


def problem_on(grid: Grid, *fields: Field) -> Problem:
    return Problem(name="flow", fields=fields or (Field(name="velocity", components=2),), grid=grid, dt=0.1)


def flow(grid: Grid, share: float) -> Tensor:
    """Curl of a stream function plus `share` times the gradient of a potential, orthogonal and of one gradient norm."""
    x, y = (math.pi * grid.points()).unbind(1)
    turning = torch.stack([torch.sin(x) * torch.cos(y), -torch.cos(x) * torch.sin(y)], -1)
    spreading = torch.stack([torch.cos(x) * torch.sin(y), torch.sin(x) * torch.cos(y)], -1)
    return turning + share * spreading


def test_the_penalty_is_the_divergence_over_the_gradient_of_the_start(torus: Grid, make_step: MakeStep) -> None:
    """A potential's ∇·u is ∇²φ, whose mean square is that of all second derivatives: the ratio of the two parts."""
    term = Divergence().build(problem_on(torus))
    still = torch.zeros(256, 2)
    assert term(make_step(problem_on(torus), flow(torus, 0.0)[None], still)).item() < 1e-6
    change = 0.1 * (flow(torus, 1.0) - flow(torus, 0.0))
    value = term(make_step(problem_on(torus), flow(torus, 0.0)[None], change)).item()
    assert value == pytest.approx(0.1, abs=2e-6)


def test_the_metric_is_the_penalty_s_functional(torus: Grid, make_step: MakeStep) -> None:
    problem = problem_on(torus)
    step = make_step(problem, flow(torus, 0.3)[None], torch.zeros(256, 2))
    metric = DivergenceNorm().build(problem)(step.truth[:, 1:], step.truth[:, :1], torus)
    assert metric.mean().item() == pytest.approx(Divergence().build(problem)(step).item(), abs=2e-6)


def test_the_mean_absolute_divergence_has_the_fields_unit_over_that_of_the_axes(torus: Grid) -> None:
    """That of (sin πx, 0) is π |cos πx|, 2 on average but for the spacing; 3 times the field has 3 times that."""
    x = (math.pi * torus.points()[:, 0]).sin()
    wave = torch.stack([x, 0 * x], -1)[None, None]
    measure = MeanAbsoluteDivergence().build(problem_on(torus))
    expected = math.pi * (math.pi * torus.coordinates(0)).cos().abs().mean().item()
    assert expected == pytest.approx(2.0, rel=0.02)
    assert measure(wave, wave, torus).tolist()[0] == pytest.approx([expected] * 2, rel=1e-6)
    assert measure(3 * wave, wave, torus)[0, 0].item() == pytest.approx(3 * expected, rel=1e-6)


def test_it_lies_along_the_axes_in_their_order(torus: Grid) -> None:
    """(0, f(x)) has no divergence, (f(x), 0) has: components pair with axes, never crosswise."""
    x = (math.pi * torus.points()[:, :1]).sin()
    along, across = torch.cat([x, 0 * x], -1), torch.cat([0 * x, x], -1)
    measure = DivergenceNorm().build(problem_on(torus))
    assert measure(along[None, None], along[None, None], torus).mean().item() == pytest.approx(1.0, abs=1e-5)
    assert measure(across[None, None], along[None, None], torus).mean().item() < 1e-5


@pytest.mark.parametrize(
    ("fields", "name", "message"),
    [
        ((Field(name="u"),), None, "flow has none; take this component out"),
        ((Field(name="u"),), "u", "'u' is no vector: it has not one component for each of 2 axes"),
        ((Field(name="u"),), "v", "flow has no field 'v'"),
        ((Field(name="a", components=2), Field(name="b", components=2)), None, "several: a, b; name one"),
    ],
)
def test_a_problem_without_one_vector_field_is_refused(
    torus: Grid, fields: tuple[Field, ...], name: str | None, message: str
) -> None:
    for spec in (Divergence(field=name), DivergenceNorm(field=name), MeanAbsoluteDivergence(field=name)):
        with pytest.raises(SpecError, match=message):
            spec.build(problem_on(torus, *fields))
