"""A run that was stopped anywhere and goes on from its checkpoint ends bit for bit as if nothing had happened."""

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from tests.engine.conftest import Train, Trained

SETTINGS = (
    "operator.depth=2",
    "operator.drop_path=0.3",
    "stages.autoencode.steps=12",
    "stages.operator.steps=18",
    "training.accumulate=2",
    "training.batch=2",
    "optimizer.clip=0.5",
    "optimizer.method=muon",
)
TERMS = {
    "norm": 'use = "latent_norm", share = 0.1',
    "later": 'use = "rollout", ramp = 0.5',
}


@pytest.fixture(scope="module")
def uninterrupted(train: "Train") -> "Trained":
    """The run that nobody stops, with a checkpoint after every step."""
    return train(*SETTINGS, "training.checkpoint_every=1", terms=TERMS)


def equal(one: "Trained", other: "Trained") -> bool:
    """Whether two runs ended with the same weights, averages and figures."""
    ours, theirs = one.checkpoint(-1), other.checkpoint(-1)
    tensors = all(torch.equal(t, theirs[part][n]) for part in ("simulator", "average") for n, t in ours[part].items())
    return tensors and all(ours[key] == theirs[key] for key in ("stage", "step", "weights", "best", "without_best"))


@pytest.mark.parametrize("steps", [1, 6, 12, 13, 24, 29])
def test_stopped_after_any_step_and_resumed_it_ends_the_same(
    train: "Train", uninterrupted: "Trained", steps: int
) -> None:
    stopped = train(*SETTINGS, terms=TERMS, stop_after=steps)
    assert stopped.stopped
    resumed = train(*SETTINGS, terms=TERMS, checkpoint=stopped.saved[-1])
    assert not resumed.stopped
    assert equal(resumed, uninterrupted)


def test_killed_after_any_checkpoint_it_ends_the_same(train: "Train", uninterrupted: "Trained") -> None:
    assert len(uninterrupted.saved) == 30 + 2
    for index in (4, 11, 12, 30):
        resumed = train(*SETTINGS, "training.checkpoint_every=1", terms=TERMS, checkpoint=uninterrupted.saved[index])
        assert equal(resumed, uninterrupted), index
    done = train(*SETTINGS, terms=TERMS, checkpoint=uninterrupted.saved[31]).weights()
    assert all(torch.equal(tensor, done[name]) for name, tensor in uninterrupted.weights().items())


def test_killed_after_the_checkpoint_of_a_stage_that_has_run_out_of_patience_it_ends_the_same(train: "Train") -> None:
    """The stage is over then, though its steps are not."""
    settings = (
        "training.patience=1",
        "training.validate_every=1",
        "training.checkpoint_every=1",
        "optimizer.learning_rate=0.3",
        "optimizer.ema=0.0",
    )
    whole = train(*settings)
    assert len(whole.saved) < 20 + 2
    for checkpoint in whole.saved[:-1]:
        assert equal(train(*settings, checkpoint=checkpoint), whole)


@pytest.mark.parametrize("sampler", ["residual_adaptive", "importance"])
def test_what_a_sampler_has_learned_goes_on(train: "Train", sampler: str) -> None:
    by = ", by = 'error'" if sampler == "importance" else ""
    settings = (*SETTINGS, f"sampler={{use = '{sampler}', points = 8{by}}}")
    whole = train(*settings)
    learned = [float(tensor.sum()) for tensor in whole.checkpoint(-1)["sampler"].values()]
    assert all(value > 0 for value in learned)
    for steps in (13, 20):
        stopped = train(*settings, stop_after=steps)
        assert equal(train(*settings, checkpoint=stopped.saved[-1]), whole)


def test_a_stop_writes_a_checkpoint_and_loses_no_record(train: "Train") -> None:
    stopped = train(stop_after=3)
    assert (stopped.checkpoint(-1)["stage"], stopped.checkpoint(-1)["step"]) == (0, 3)
    assert [step for _, step, _ in stopped.log.trained_at] == [3]


def test_a_resumed_stage_does_not_begin_anew(train: "Train") -> None:
    resumed = train(checkpoint=train(stop_after=11).saved[-1])
    assert resumed.log.stages == ["operator from 3", "operator ended at 12"]


def test_seconds_of_training_go_on_counting(train: "Train") -> None:
    stopped = train(stop_after=11)
    before = stopped.checkpoint(-1)["train_seconds"]
    assert train(checkpoint=stopped.saved[-1]).checkpoint(-1)["train_seconds"] > before > 0
