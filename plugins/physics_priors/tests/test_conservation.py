"""The conservation penalty and its metric against drifts that can be written down."""

import math
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor
from ups_physics_priors.conservation import Conservation, ConservationDrift
from ups_physics_priors.size import root_mean_square

from ups_framework.api import Field, Grid, Problem, Quantity, SpecError, Step

REFERENCES: tuple[Literal["start", "truth"], ...] = ("start", "truth")
MASS = Quantity(name="mass", field="u")
ENERGY = Quantity(name="energy", field="u", power=2)
MakeStep = Callable[..., Step]
CLOSE = 2e-6  # a penalty is up to 1e-6 below the root mean square, by its definition; the rest is rounding


def problem_on(grid: Grid, *conserved: Quantity, components: int = 1) -> Problem:
    fields = (Field(name="u", components=components),)
    return Problem(name="wave", fields=fields, grid=grid, dt=0.1, conserved=conserved)


@pytest.fixture
def line(make_grid: Callable[..., Grid]) -> Grid:
    return make_grid(32)


def sine(grid: Grid, amplitude: float = 1.0) -> Tensor:
    """One sample of one channel: no mean, root mean square amplitude/√2."""
    return amplitude * torch.sin(math.pi * grid.points())[None]


def test_a_constant_gained_in_each_step_is_a_drift_of_that_constant_over_the_size(
    line: Grid, make_step: MakeStep
) -> None:
    term = Conservation().build(problem_on(line, MASS))
    step = make_step(problem_on(line, MASS), sine(line, 2.0), torch.full((32, 1), 0.1), steps=2)
    assert term(step).item() == pytest.approx(math.sqrt((0.1**2 + 0.2**2) / 2 / 2.0), abs=CLOSE)  # size² = 2² / 2


def test_a_change_without_mean_conserves_the_mass_and_not_the_energy(line: Grid, make_step: MakeStep) -> None:
    problem, change = problem_on(line, MASS, ENERGY), sine(line, 0.1)[0]
    step = make_step(problem, sine(line), change)
    assert Conservation(quantity="mass").build(problem)(step).item() < 1e-9
    energy = 1.1**2 - 1  # relative to the start's own energy
    assert Conservation(quantity="energy").build(problem)(step).item() == pytest.approx(energy, abs=CLOSE)
    assert Conservation().build(problem)(step).item() == pytest.approx(energy / math.sqrt(2), abs=CLOSE)


def test_the_penalty_has_no_unit(line: Grid, make_step: MakeStep) -> None:
    problem, change = problem_on(line, MASS, ENERGY), 0.1 * torch.rand(32, 1)
    term = Conservation().build(problem)
    small, large = (term(make_step(problem, scale * sine(line), scale * change)) for scale in (1e-3, 1e3))
    assert small.item() == pytest.approx(large.item(), abs=CLOSE)


def test_each_sample_is_compared_with_its_own_start(line: Grid, make_step: MakeStep) -> None:
    problem = problem_on(line, MASS)
    starts = torch.cat([sine(line) + 5.0, sine(line) - 3.0])
    assert Conservation().build(problem)(make_step(problem, starts, torch.zeros(32, 1))).item() == 0.0


def test_the_components_of_a_vector_conserve_their_momentum_each_and_their_energy_together(
    make_grid: Callable[..., Grid], make_step: MakeStep
) -> None:
    grid = make_grid(8, 8)
    problem = problem_on(grid, MASS, ENERGY, components=2)
    start = torch.tensor([3.0, 4.0]).expand(1, 64, 2)
    step = make_step(problem, start, torch.tensor([1.0, -1.0]).expand(64, 2))
    mass = Conservation(quantity="mass").build(problem)(step)
    assert mass.item() == pytest.approx(1 / 5, abs=CLOSE)  # ±1 of a size of 5
    assert Conservation(quantity="energy").build(problem)(step).item() == 0.0  # 16 + 9 = 9 + 16
    turned = torch.tensor([1.0, 0.0]).expand(64, 2)
    energy = Conservation(quantity="energy").build(problem)(make_step(problem, start, turned))
    assert energy.item() == pytest.approx(32 / 25 - 1, abs=CLOSE)


def test_the_gradient_reaches_the_prediction_and_lowers_the_drift(line: Grid, make_step: MakeStep) -> None:
    problem = problem_on(line, MASS, ENERGY)
    term = Conservation().build(problem)
    change = torch.full((32, 1), 0.2, requires_grad=True)
    before = term(make_step(problem, sine(line), change))
    (gradient,) = torch.autograd.grad(before, change)
    assert gradient.abs().min() > 0
    after = term(make_step(problem, sine(line), (change - 1.0 * gradient).detach()))
    assert after.item() < before.item()


def test_a_start_of_nothing_gives_no_nan(line: Grid, make_step: MakeStep) -> None:
    problem = problem_on(line, MASS, ENERGY)
    change = torch.zeros(32, 1, requires_grad=True)
    loss = Conservation().build(problem)(make_step(problem, torch.zeros(1, 32, 1), change))
    (gradient,) = torch.autograd.grad(loss, change)
    assert loss.item() == 0.0
    assert gradient.isfinite().all()


def test_where_nothing_is_predicted_there_is_no_drift(line: Grid, make_step: MakeStep) -> None:
    problem = problem_on(line, MASS)
    assert Conservation().build(problem)(make_step(problem, sine(line), torch.ones(32, 1), steps=0)).item() == 0.0


def test_penalty_and_metric_agree_where_the_truth_conserves(line: Grid, make_step: MakeStep) -> None:
    problem = problem_on(line, MASS, ENERGY)
    random = torch.Generator().manual_seed(1)
    start = torch.randn(1, 32, 1, generator=random)
    step = make_step(problem, start, 0.1 * torch.randn(32, 1, generator=random), steps=3)
    for name in ("mass", "energy", None):
        penalty = Conservation(quantity=name).build(problem)(step)
        table = ConservationDrift(quantity=name).build(problem)(step.prediction_on_grid, step.truth[:, 1:], line)
        assert table.shape == (3, 1)
        assert root_mean_square(table[None]).item() == pytest.approx(penalty.item(), abs=1e-6)


def test_the_metric_of_the_truth_is_zero_even_where_the_truth_drifts(line: Grid) -> None:
    problem = problem_on(line, MASS, ENERGY)
    truth = torch.randn(3, 5, 32, 1, generator=torch.Generator().manual_seed(2))
    assert ConservationDrift().build(problem)(truth, truth, line).abs().max().item() == 0.0


def test_the_metric_gives_each_step_and_channel_its_own_drift(line: Grid) -> None:
    fields = (Field(name="u"), Field(name="tracer"))
    problem = Problem(name="wave", fields=fields, grid=line, dt=0.1, conserved=(MASS,))
    truth = sine(line).expand(1, 32, 2)[:, None].repeat(1, 2, 1, 1)
    prediction = truth.clone()
    prediction[:, 1] += 0.3
    table = ConservationDrift().build(problem)(prediction, truth, line)
    assert table[1, 0].item() == pytest.approx(0.3 * math.sqrt(2), rel=1e-5)
    assert table[0, 0].item() == pytest.approx(0.0, abs=1e-7)
    assert table[:, 1].tolist() == [0.0, 0.0]  # nothing of the tracer is declared conserved


def test_the_metric_measures_on_finer_grids_than_the_training_grid(make_grid: Callable[..., Grid], line: Grid) -> None:
    fine = make_grid(128)
    truth = sine(fine)[:, None]
    table = ConservationDrift().build(problem_on(line, MASS))(truth + 0.1, truth, fine)
    assert table.item() == pytest.approx(0.1 * math.sqrt(2), rel=1e-5)


@pytest.mark.parametrize("kind", [Conservation, ConservationDrift])
def test_a_quantity_that_is_not_conserved_is_an_error_that_names_those_that_are(
    kind: type[Conservation] | type[ConservationDrift], line: Grid
) -> None:
    with pytest.raises(SpecError, match=r"quantity: wave does not conserve 'energy' \(it conserves: mass\)"):
        kind(quantity="energy").build(problem_on(line, MASS))
    with pytest.raises(SpecError, match="quantity: wave conserves nothing"):
        kind().build(problem_on(line))


def test_against_the_truth_what_the_truth_drifts_by_does_not_count(line: Grid, make_step: MakeStep) -> None:
    problem, gain = problem_on(line, MASS), torch.full((32, 1), 0.1)
    step = make_step(problem, sine(line, 2.0), 3 * gain, true_change=gain)
    from_start, from_truth = (Conservation(reference=reference).build(problem)(step).item() for reference in REFERENCES)
    assert from_start == pytest.approx(0.3 / math.sqrt(2), abs=CLOSE)
    assert from_truth == pytest.approx(0.2 / math.sqrt(2), abs=CLOSE)
    same = make_step(problem, sine(line, 2.0), gain, true_change=gain)
    assert Conservation(reference="truth").build(problem)(same).item() == 0.0
