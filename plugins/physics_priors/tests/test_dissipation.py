"""The dissipation penalty and its metric against energies that are known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from ups_physics_priors.dissipation import Dissipation, DissipationGrowth

from ups_framework.api import Field, Grid, Problem, Quantity, Step

MakeStep = Callable[..., Step]
ENERGY = Quantity(name="energy", field="u", power=2)
CLOSE = 2e-6


@pytest.fixture
def line(make_grid: Callable[..., Grid]) -> Grid:
    return make_grid(32)


def problem_on(grid: Grid, *dissipated: Quantity) -> Problem:
    return Problem(name="wave", fields=(Field(name="u"),), grid=grid, dt=0.1, dissipated=dissipated or (ENERGY,))


def sine(grid: Grid) -> Tensor:
    return torch.sin(math.pi * grid.points())


def test_the_penalty_is_the_growth_from_frame_to_frame_over_the_start_s_energy(line: Grid, make_step: MakeStep) -> None:
    """Amplitudes 1, 1.1, 1.2 have the energies 1, 1.21, 1.44 of the start's."""
    step = make_step(problem_on(line), sine(line)[None], 0.1 * sine(line), steps=2)
    expected = math.sqrt((0.21**2 + 0.23**2) / 2)
    assert Dissipation().build(problem_on(line))(step).item() == pytest.approx(expected, abs=CLOSE)


def test_decay_costs_nothing_however_fast(line: Grid, make_step: MakeStep) -> None:
    step = make_step(problem_on(line), sine(line)[None], -0.3 * sine(line), steps=3)
    assert Dissipation().build(problem_on(line))(step).item() == 0.0


def test_growth_after_decay_is_growth(line: Grid) -> None:
    """Amplitudes 1, 0.5, 1: no more than at the start, but more than before."""
    truth = sine(line).expand(1, 3, -1, -1)
    prediction = truth * torch.tensor([1.0, 0.5, 1.0])[:, None, None]
    found = DissipationGrowth().build(problem_on(line))(prediction, truth, line)[:, 0]
    assert found.tolist() == pytest.approx([0.0, 0.0, 0.75], abs=1e-6)  # the first repeats the second


def test_what_the_truth_s_own_sum_grows_by_is_allowed(line: Grid, make_step: MakeStep) -> None:
    problem, grown = problem_on(line), 0.1 * sine(line)
    term = Dissipation().build(problem)
    assert term(make_step(problem, sine(line)[None], grown, true_change=grown)).item() == 0.0
    more = term(make_step(problem, sine(line)[None], 2 * grown, true_change=grown))
    assert more.item() == pytest.approx(1.2**2 - 1.1**2, abs=CLOSE)


def test_integrals_of_the_field_itself_may_be_dissipated_too(line: Grid, make_step: MakeStep) -> None:
    problem = problem_on(line, Quantity(name="mass", field="u"))
    for gain, expected in ((0.2, 0.2), (-0.2, 0.0)):
        step = make_step(problem, torch.ones(1, 32, 1), torch.full((32, 1), gain))
        assert Dissipation().build(problem)(step).item() == pytest.approx(expected, abs=CLOSE)


def test_a_single_frame_has_none_to_grow_from(line: Grid) -> None:
    frame = sine(line)[None, None]
    assert DissipationGrowth().build(problem_on(line))(frame, frame, line).isnan().all()
