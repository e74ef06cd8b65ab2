"""What holds for every penalty: it is its metric's functional, and its gradient goes through the decoder."""

import math
from collections.abc import Callable

import pytest
import torch
from attrs import frozen
from torch import Tensor
from ups_physics_priors.boundary import Boundary, BoundaryViolation
from ups_physics_priors.conservation import Conservation, ConservationDrift
from ups_physics_priors.dissipation import Dissipation, DissipationGrowth
from ups_physics_priors.divergence import Divergence, DivergenceNorm
from ups_physics_priors.pde_residual import PdeResidual, PdeResidualMetric
from ups_physics_priors.positivity import Negativity, Positivity
from ups_physics_priors.size import root_mean_square
from ups_physics_priors.smoothness import Roughness, Smoothness

from ups_framework.api import Field, Grid, LossTerm, Metric, Problem, Quantity, Step


@frozen(kw_only=True)
class Pair:
    """A penalty, its metric, and the grid to compare them on."""

    loss: LossTerm
    metric: Metric
    shape: tuple[int, ...] = (16,)
    boundary: str = "periodic"


PAIRS = {
    "conservation of mass": Pair(
        loss=Conservation(quantity="mass", reference="truth"), metric=ConservationDrift(quantity="mass")
    ),
    "conservation of energy": Pair(
        loss=Conservation(quantity="energy", reference="truth"), metric=ConservationDrift(quantity="energy")
    ),
    "conservation on a torus": Pair(
        loss=Conservation(quantity="energy", reference="truth"),
        metric=ConservationDrift(quantity="energy"),
        shape=(6, 8),
    ),
    "periodic boundary": Pair(loss=Boundary(), metric=BoundaryViolation()),
    "dirichlet boundary": Pair(loss=Boundary(), metric=BoundaryViolation(), boundary="dirichlet"),
    "divergence": Pair(loss=Divergence(), metric=DivergenceNorm(), shape=(6, 8)),
    "divergence in a box": Pair(loss=Divergence(), metric=DivergenceNorm(), shape=(6, 8), boundary="dirichlet"),
    "dissipation": Pair(loss=Dissipation(), metric=DissipationGrowth()),
    "dissipation on a torus": Pair(loss=Dissipation(), metric=DissipationGrowth(), shape=(6, 8)),
    "positivity": Pair(loss=Positivity(), metric=Negativity()),
    "positivity of a vector": Pair(loss=Positivity(field="u"), metric=Negativity(field="u"), shape=(6, 8)),
    "smoothness": Pair(loss=Smoothness(), metric=Roughness()),
    "smoothness in a box": Pair(loss=Smoothness(), metric=Roughness(), shape=(6, 8), boundary="neumann"),
    "residual": Pair(loss=PdeResidual(), metric=PdeResidualMetric()),
    "residual in a box": Pair(loss=PdeResidual(), metric=PdeResidualMetric(), shape=(6, 8), boundary="dirichlet"),
}


def decay(frames: Tensor, grid: Grid, dt: float, parameters: Tensor) -> Tensor:
    """u_t = -u², which walls do not see."""
    return frames[:, 1:] - frames[:, :-1] + dt / 2 * (frames[:, 1:].square() + frames[:, :-1].square())


def problem_of(pair: Pair, make_grid: Callable[..., Grid]) -> Problem:
    quantities = (Quantity(name="mass", field="u"), Quantity(name="energy", field="u", power=2))
    return Problem(
        name="any",
        fields=(Field(name="u", components=len(pair.shape)),),
        grid=make_grid(*pair.shape, boundary=pair.boundary),
        dt=0.1,
        conserved=quantities,
        dissipated=quantities[1:],
        residual=decay,
    )


def noise(problem: Problem, seed: int, size: float) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return size * torch.randn(problem.grid.num_points, problem.num_channels, generator=draw)


@pytest.fixture(params=list(PAIRS.values()), ids=list(PAIRS))
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.param
    return found


def test_penalty_and_metric_are_one_functional(
    pair: Pair, make_grid: Callable[..., Grid], make_step: Callable[..., Step]
) -> None:
    """On the same frames, the start among them: the metric's root mean square over the frames after it."""
    problem = problem_of(pair, make_grid)
    step = make_step(
        problem, noise(problem, 0, 1.0)[None], noise(problem, 1, 0.3), steps=3, true_change=noise(problem, 2, 0.2)
    )
    frames = torch.cat([step.truth[:, :1], step.prediction_on_grid], dim=1)
    measured = pair.metric.build(problem)(frames, step.truth, problem.grid)[1:]
    penalty = pair.loss.build(problem)(step).item()
    assert penalty > 1e-3
    assert root_mean_square(measured[None]).item() == pytest.approx(penalty, rel=1e-6, abs=1e-6)


def test_its_gradient_goes_through_the_decoder_and_lowers_it(
    pair: Pair, make_grid: Callable[..., Grid], make_step: Callable[..., Step]
) -> None:
    """Along the gradient it falls as its norm says, over all unrolled frames."""
    problem, change = problem_of(pair, make_grid), noise(problem_of(pair, make_grid), 1, 0.3).requires_grad_()
    term, start = pair.loss.build(problem), noise(problem, 0, 1.0).expand(2, -1, -1)
    before = term(make_step(problem, start, change, steps=2))
    (gradient,) = torch.autograd.grad(before, change)
    assert gradient.isfinite().all()
    length = 1e-3 / gradient.norm()
    after = term(make_step(problem, start, (change - length * gradient).detach(), steps=2))
    fall = (before - after).item()
    assert fall == pytest.approx(1e-3 * gradient.norm().item(), rel=0.2)
    assert not math.isclose(fall, 0.0, abs_tol=1e-7)


def test_nothing_predicted_is_nothing_wrong(
    pair: Pair, make_grid: Callable[..., Grid], make_step: Callable[..., Step]
) -> None:
    problem = problem_of(pair, make_grid)
    step = make_step(problem, noise(problem, 0, 1.0)[None], noise(problem, 1, 0.3), steps=0)
    assert pair.loss.build(problem)(step).item() == 0.0


def test_a_start_of_nothing_gives_no_nan(
    pair: Pair, make_grid: Callable[..., Grid], make_step: Callable[..., Step]
) -> None:
    problem = problem_of(pair, make_grid)
    nothing = torch.zeros(problem.grid.num_points, problem.num_channels, requires_grad=True)
    value = pair.loss.build(problem)(make_step(problem, nothing.detach()[None], nothing))
    (gradient,) = torch.autograd.grad(value, nothing)
    assert value.item() == 0.0
    assert gradient.isfinite().all()
