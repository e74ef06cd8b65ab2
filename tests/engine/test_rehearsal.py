"""Before the first step every stage is tried once: what would die later dies now, and nothing else changes."""

import re
from typing import TYPE_CHECKING

import pytest
import torch

from ups_framework.engine.rehearsal import find_idle_terms, rehearse
from ups_framework.errors import PluginError, RunError
from ups_framework.plugins import Registry

if TYPE_CHECKING:
    from tests.engine.conftest import MakeRecipe, Prepare


def test_a_term_that_raises_in_a_later_stage_is_named_with_its_class_and_line(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe(terms={"odd": "use = 'faulty'"})
    message = r"losses\.odd \(tests\.engine\.problems\.Faulty\): IndexError: no such frame \(problems\.py, line \d+\)"
    with pytest.raises(PluginError, match=message):
        rehearse(prepared.system, prepared.data)


def test_a_term_that_depends_on_nothing_is_refused(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe(terms={"dead": "use = 'detached'"})
    with pytest.raises(RunError, match=r"losses\.dead: has no effect in stage 'operator'"):
        rehearse(prepared.system, prepared.data)


def test_a_prediction_where_nothing_is_predicted_is_refused(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe("stages.autoencode.losses=['reconstruction', 'prediction']")
    with pytest.raises(RunError, match=r"losses\.prediction: .* 'autoencode': .*nothing is predicted, since unroll"):
        rehearse(prepared.system, prepared.data)


def test_a_check_finds_terms_without_effect_and_needs_no_data(make_recipe: "MakeRecipe", registry: Registry) -> None:
    recipe = make_recipe(
        "stages.autoencode.losses=['reconstruction', 'prediction']", terms={"dead": "use = 'detached'"}
    )
    found = [str(mistake) for mistake in find_idle_terms(recipe, registry, pytest.fail)]
    assert len(found) == 2
    assert found[0].startswith("losses.prediction: has no effect in stage 'autoencode': ")
    assert found[1].startswith("losses.dead: has no effect in stage 'operator': ")
    assert find_idle_terms(make_recipe(), registry, pytest.fail) == []


def test_a_term_that_cannot_compute_on_made_up_frames_is_told_and_hides_no_other(
    make_recipe: "MakeRecipe", registry: Registry
) -> None:
    """It is no mistake: what it raises on noise may say nothing about data."""
    terms = {"odd": "use = 'faulty'", "flat": "use = 'unreduced'", "dead": "use = 'detached'"}
    told: list[str] = []
    found = find_idle_terms(make_recipe(terms=terms), registry, told.append)
    assert [mistake.path for mistake in found] == ["losses.dead"]
    odd, flat = told
    what = r"losses\.odd \(tests\.engine\.problems\.Faulty\) could not be tried on made-up frames"
    assert re.fullmatch(rf"{what}: IndexError: no such frame \(problems\.py, line \d+\)", odd)
    assert flat.startswith("losses.flat (tests.engine.problems.Unreduced) could not be tried on made-up frames: ")


def test_a_term_of_two_stages_is_told_once(make_recipe: "MakeRecipe", registry: Registry) -> None:
    told: list[str] = []
    recipe = make_recipe("stages.autoencode.losses=['reconstruction', 'odd']", terms={"odd": "use = 'faulty'"})
    assert find_idle_terms(recipe, registry, told.append) == []
    assert len(told) == 1


def test_it_leaves_weights_gradients_and_chance_as_they_were(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe()
    simulator = prepared.system.simulator
    weights = {name: value.clone() for name, value in simulator.state_dict().items()}
    wanted = [parameter.requires_grad for parameter in simulator.parameters()]
    chance = torch.get_rng_state()
    rehearse(prepared.system, prepared.data)
    assert all(torch.equal(value, weights[name]) for name, value in simulator.state_dict().items())
    assert [parameter.requires_grad for parameter in simulator.parameters()] == wanted
    assert all(parameter.grad is None for parameter in simulator.parameters())
    assert torch.equal(torch.get_rng_state(), chance)
