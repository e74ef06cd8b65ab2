"""Every key of the recipe's training tables changes the trained weights or what the run records."""

from typing import TYPE_CHECKING

import attrs
import pytest
import torch

from ups_framework.recipe.recipe import Optimizer, SimulatorSettings, Stage, Training

if TYPE_CHECKING:
    from tests.engine.conftest import Train, Trained

TERMS = {"later": 'use = "rollout"'}
START = ("optimizer.ema=0.5", "optimizer.learning_rate=3e-3")

WEIGHTS = [
    "optimizer.method=muon",
    "optimizer.learning_rate=1e-3",
    "optimizer.warmup=0.5",
    "optimizer.final=0.9",
    "optimizer.weight_decay=0.5",
    "optimizer.betas=[0.5, 0.9]",
    "optimizer.clip=0.01",
    "optimizer.ema=0.1",
    "training.batch=5",
    "training.accumulate=2",
    "training.precision=bfloat16",
    "training.augment=false",
    "simulator.predicts=state",
    "simulator.rollout=latent",
    "stages.operator.steps=11",
    'stages.operator.trains=["encoder", "operator"]',
    'stages.operator.losses=["prediction", "later"]',
    "stages.operator.unroll=2",
    "stages.operator.curriculum=0.1",
    "stages.operator.detach_every=1",
]
RECORDS = [
    "training.log_every=4",
    "training.validate_every=4",
    "training.audit_every=4",
    "training.checkpoint_every=4",
    "training.patience=1",
    "stages.operator.select=one_step",
]
ELSEWHERE = {"training.compile", "simulator.corrects"}
"""Tested in test_compile.py, for it changes time only, and in test_corrects.py."""


def recorded(run: "Trained") -> tuple[object, ...]:
    """What is heard of a run and saved, but no times."""
    records = [(stage, step, record.raw) for stage, step, record in run.log.trained_at]
    checkpoints = [(run.checkpoint(index)["stage"], run.checkpoint(index)["step"]) for index in range(len(run.saved))]
    return records, run.log.validated_at, [(stage, step) for stage, step, _ in run.log.audited_at], checkpoints


def at_the_end(run: "Trained") -> dict[str, torch.Tensor]:
    """The averaged weights after the last step, before those of the best validation are taken on."""
    average: dict[str, torch.Tensor] = run.checkpoint(-2)["average"]
    return average


@pytest.fixture(scope="module")
def plain(train: "Train") -> "Trained":
    return train(*START, terms=TERMS)


def test_every_key_is_tried() -> None:
    blocks = {"optimizer": Optimizer, "training": Training, "simulator": SimulatorSettings, "stages.operator": Stage}
    keys = {f"{path}.{field.name}" for path, block in blocks.items() for field in attrs.fields(block)}
    assert keys == {setting.split("=")[0] for setting in WEIGHTS + RECORDS} | ELSEWHERE


def test_the_same_recipe_gives_the_same_run(train: "Train", plain: "Trained") -> None:
    again = train(*START, terms=TERMS)
    assert all(torch.equal(tensor, plain.weights()[name]) for name, tensor in again.weights().items())
    assert recorded(again) == recorded(plain)


@pytest.mark.parametrize("setting", WEIGHTS)
def test_this_key_changes_the_weights(train: "Train", plain: "Trained", setting: str) -> None:
    ours, theirs = (at_the_end(run) for run in (plain, train(*START, setting, terms=TERMS)))
    assert any(not torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.parametrize("setting", RECORDS)
def test_this_key_changes_what_the_run_records(train: "Train", plain: "Trained", setting: str) -> None:
    assert recorded(train(*START, setting, terms=TERMS)) != recorded(plain)
