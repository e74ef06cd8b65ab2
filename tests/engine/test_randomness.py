"""Chance is a function of seed, purpose and step: nothing that else was drawn, or asked for, changes it."""

from typing import TYPE_CHECKING

import pytest
import torch

from ups_framework.api import Step
from ups_framework.engine.batches import Batches

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train


def same(one: Step, other: Step) -> bool:
    """Whether two batches have the same windows, parameters and points."""
    windows = torch.equal(one.truth, other.truth) and torch.equal(one.parameters, other.parameters)
    return windows and torch.equal(one.points.coordinates, other.points.coordinates)


def batch_of(prepare_recipe: "Prepare", *settings: str, step: int = 5, stage: str = "operator", **terms: str) -> Step:
    prepared = prepare_recipe(*settings, terms=terms)
    (batch,) = Batches(prepared.system, prepared.data, stage).steps("train", step, 2, 1)
    return batch


def test_a_batch_does_not_depend_on_what_was_drawn_before(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe()
    batches = Batches(prepared.system, prepared.data, "operator")
    for step in (9, 2, 3):
        list(batches.steps("train", step, 3, 2))
        list(batches.steps("audit", step, 1, 1))
    torch.rand(7)
    (late,) = batches.steps("train", 5, 2, 1)
    assert same(late, batch_of(prepare_recipe))


def test_another_seed_stage_or_step_gives_another_batch(prepare_recipe: "Prepare") -> None:
    first = batch_of(prepare_recipe)
    assert not same(first, batch_of(prepare_recipe, "seed=1"))
    assert not same(first, batch_of(prepare_recipe, stage="autoencode"))
    assert not same(first, batch_of(prepare_recipe, step=6))


def test_another_loss_term_changes_neither_batches_nor_points(prepare_recipe: "Prepare") -> None:
    assert same(batch_of(prepare_recipe), batch_of(prepare_recipe, norm='use = "latent_norm"'))


def test_a_changed_operator_leaves_the_other_parts_weights_as_they_are(prepare_recipe: "Prepare") -> None:
    small, deep = (prepare_recipe(f"operator.depth={depth}").system.simulator for depth in (1, 2))
    for part in ("encoder", "decoder"):
        ours, theirs = (simulator.get_submodule(part).state_dict() for simulator in (small, deep))
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_another_seed_gives_other_weights_and_the_same_data(prepare_recipe: "Prepare") -> None:
    first, second = prepare_recipe(), prepare_recipe("seed=1")
    assert torch.equal(first.data.train.values, second.data.train.values)
    ours, theirs = (item.system.simulator.decoder.state_dict() for item in (first, second))
    assert not all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_training_leaves_torch_s_global_generator_as_it_was(train: "Train", rate: float) -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    train("operator.depth=2", f"operator.drop_path={rate}")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_generator_changes_nothing_of_a_run(train: "Train") -> None:
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        runs.append(train("operator.depth=2", "operator.drop_path=0.5").weights())
    assert all(torch.equal(tensor, runs[1][name]) for name, tensor in runs[0].items())


def test_symmetries_are_applied_if_and_only_if_the_recipe_augments(prepare_recipe: "Prepare") -> None:
    """Windows are frames of the training data, which are moved round the circle only by the symmetry."""
    frames = prepare_recipe().data.train.values.flatten(0, 1)

    def found(batch: Step) -> int:
        return sum(any(torch.equal(window[0], frame) for frame in frames) for window in batch.truth)

    plain = batch_of(prepare_recipe, "training.augment=false", "training.batch=16")
    moved = batch_of(prepare_recipe, "training.augment=true", "training.batch=16")
    assert (found(plain), found(moved)) == (16, 0)
    for before, after in zip(plain.truth, moved.truth, strict=True):
        assert any(torch.equal(before.roll(places, dims=1), after) for places in range(32))
