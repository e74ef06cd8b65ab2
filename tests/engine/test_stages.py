"""Stages: which weights they end with, when they stop, and what stops them."""

from typing import TYPE_CHECKING

import pytest
import torch

from tests.engine.validation import rollout_nrmse
from ups_framework.errors import RunError

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train, Trained

WILD = ("stages.autoencode.steps=0", "stages.operator.steps=30", "optimizer.learning_rate=0.1", "optimizer.ema=0.0")
BROKEN = ("stages.autoencode.steps=0", "training.audit_every=10000")


def values_of(run: "Trained") -> list[float]:
    return [value for _, _, _, value, _ in run.log.validated_at]


def test_patience_stops_after_exactly_that_many_validations_without_a_best(train: "Train") -> None:
    whole = train(*WILD, "training.validate_every=1")
    values = values_of(whole)
    impatient = train(*WILD, "training.validate_every=1", "training.patience=3")
    best = [value < min(values[:index], default=float("inf")) for index, value in enumerate(values)]
    end = next(index for index in range(3, len(best)) if not any(best[index - 2 : index + 1])) + 1
    assert end < 30
    assert values_of(impatient) == values[:end]
    assert impatient.log.stages[-1] == f"operator ended at {end}"


def test_a_stage_ends_with_the_weights_of_its_best_validation(train: "Train") -> None:
    run = train(*WILD, "training.validate_every=1")
    values = values_of(run)
    assert min(values) < values[-1]
    assert rollout_nrmse(run.system, run.system.simulator, run.data.validation) == min(values)
    assert [is_best for *_, is_best in run.log.validated_at] == [
        value < min(values[:index], default=float("inf")) for index, value in enumerate(values)
    ]


def test_the_next_stage_goes_on_from_the_best_weights(train: "Train") -> None:
    short = train("stages.operator.steps=0", "stages.autoencode.steps=8")
    whole = train("stages.autoencode.steps=8", "optimizer.learning_rate=1e-3", stop_after=9)
    handed_on = whole.checkpoint(1)["simulator"]  # after that of the end of the first stage
    assert all(torch.equal(tensor, handed_on[name]) for name, tensor in short.weights().items())


def test_each_stage_is_judged_by_its_own_figure(train: "Train") -> None:
    figures = {(stage, figure) for stage, _, figure, _, _ in train("stages.operator.select=one_step").log.validated_at}
    assert figures == {("autoencode", "reconstruction"), ("operator", "one_step")}


def test_a_stage_without_steps_changes_nothing(train: "Train", prepare_recipe: "Prepare") -> None:
    run = train("stages.autoencode.steps=0", "stages.operator.steps=0")
    fresh = prepare_recipe().system.simulator.state_dict()
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in run.weights().items())
    assert not run.log.trained_at
    assert not run.log.audited_at
    assert not run.log.validated_at


def test_a_stage_changes_only_the_parts_that_it_trains(train: "Train", prepare_recipe: "Prepare") -> None:
    run = train("stages.operator.steps=0", 'stages.autoencode.trains=["decoder"]')
    fresh = prepare_recipe().system.simulator.state_dict()
    changed = {name.split(".")[0] for name, tensor in run.weights().items() if not torch.equal(tensor, fresh[name])}
    assert changed == {"decoder"}


def test_what_chooses_a_checkpoint_does_not_depend_on_the_losses_weights(
    train: "Train", prepare_recipe: "Prepare"
) -> None:
    run = train()
    other = prepare_recipe("losses.prediction.weight=50.0", terms={"norm": 'use = "latent_norm", weight = 9.0'})
    other.system.simulator.load_state_dict(run.weights())
    figures = [
        rollout_nrmse(system, system.simulator.eval(), run.data.validation) for system in (run.system, other.system)
    ]
    assert figures[0] == figures[1]


def test_a_term_that_turns_nan_stops_the_run_and_names_itself_its_stage_and_its_step(train: "Train") -> None:
    """The audit before step 1 is the first call, so that step 7 is the eighth."""
    with pytest.raises(RunError, match=r"stage 'operator', step 7: losses\.broken is not finite"):
        train(*BROKEN, terms={"fine": 'use = "latent_norm"', "broken": 'use = "breaks", call = 8'})


def test_a_gradient_that_turns_nan_stops_the_run_at_that_step(train: "Train") -> None:
    with pytest.raises(RunError, match="stage 'operator', step 7: the gradient is not finite"):
        train(*BROKEN, terms={"broken": 'use = "breaks", call = 8, gradient = true'})


def test_a_step_that_is_not_finite_reaches_no_checkpoint(train: "Train") -> None:
    settings = (*BROKEN, "training.checkpoint_every=1", "training.log_every=50")
    with pytest.raises(RunError, match="step 7"):
        train(*settings, terms={"broken": 'use = "breaks", call = 8'})


def test_a_stage_whose_only_term_waits_for_a_second_frame_is_refused_while_one_is_unrolled(train: "Train") -> None:
    """`rollout` is a constant then: the step would have no gradient."""
    settings = (
        'stages.autoencode.losses=["prediction", "reconstruction"]',
        "stages.autoencode.unroll=1",
        'stages.autoencode.trains=["encoder", "operator", "decoder"]',
        'stages.operator.losses=["later"]',
    )
    with pytest.raises(RunError, match=r"stage 'operator', step 1: no loss term depends on a trained part"):
        train(*settings, terms={"later": 'use = "rollout"'})


def test_a_stage_without_steps_is_skipped_and_nobody_hears_of_it(train: "Train") -> None:
    assert train("stages.autoencode.steps=0").log.stages == ["operator from 0", "operator ended at 12"]
