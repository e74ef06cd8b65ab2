"""What is asked for happens: a larger share lowers what its term penalises, and other weights come out."""

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from tests.engine.conftest import Train, Trained

LONG = ("training.audit_every=5", "training.validate_every=200", "optimizer.ema=0.0", "optimizer.learning_rate=3e-3")
FIRST_A_PREDICTION = (
    'stages.autoencode.trains=["encoder", "operator", "decoder"]',
    'stages.autoencode.losses=["prediction", "reconstruction"]',
    "stages.autoencode.unroll=1",
    "stages.autoencode.steps=30",
    "stages.autoencode.select=one_step",
)
LEAKING = (
    *FIRST_A_PREDICTION,
    "data.leak=4.0",
    "stages.operator.steps=60",
    "stages.operator.unroll=1",
    "training.audit_every=5",
    "training.validate_every=200",
    "optimizer.ema=0.0",
    "optimizer.learning_rate=1e-2",
)
WALLED = (*LONG, "stages.operator.steps=60", "simulator.predicts=state")


def different(one: "Trained", other: "Trained") -> bool:
    return any(not torch.equal(tensor, other.weights()[name]) for name, tensor in one.weights().items())


def mass_drift(run: "Trained") -> float:
    """Root mean square of the mass that rollouts of the validation split gain, over their size."""
    truth = run.data.validation
    rollout = run.system.simulator.eval().rollout(truth.values[:, 0], 1, parameters=truth.parameters)
    gained = rollout.mean(2) - truth.values[:, :1].mean(2)
    return float((gained.square().mean() / truth.values.square().mean()).sqrt())


def wall_values(run: "Trained") -> float:
    """Root mean square of rollouts at the walls, where the truth is zero, over the size of the fields."""
    truth, walls = run.data.validation, torch.tensor([[0.0], [1.0]])
    rollout = run.system.simulator.eval().rollout(truth.values[:, 0], 3, at=walls, parameters=truth.parameters)
    return float((rollout.square().mean() / truth.values.square().mean()).sqrt())


def test_a_larger_share_of_conservation_gives_other_weights_and_a_smaller_drift(train: "Train") -> None:
    """The data lose mass: what fits them drifts, and the term holds against it, whatever the seed."""
    for seed in range(4):
        small, large = (
            train(*LEAKING, f"seed={seed}", terms={"mass": f'use = "conservation", share = {share}'})
            for share in (0.05, 0.3)
        )
        assert different(small, large)
        assert mass_drift(large) < mass_drift(small)


def test_a_larger_share_of_the_boundary_gives_other_weights_and_smaller_values_at_the_walls(train: "Train") -> None:
    values = {}
    for share in (0.05, 0.3):
        terms = {"walls": f'use = "boundary", share = {share}'}
        runs = [train(*WALLED, f"seed={seed}", heat=True, terms=terms) for seed in range(2)]
        values[share] = (runs[0], sum(wall_values(run) for run in runs) / 2)
    print({share: value for share, (_, value) in values.items()})
    assert different(values[0.05][0], values[0.3][0])
    assert values[0.3][1] < 0.8 * values[0.05][1]


def test_one_large_weight_makes_its_term_fall(train: "Train") -> None:
    last = {}
    for weight in (1e-3, 100.0):
        run = train(*LONG, "stages.operator.steps=60", terms={"forward": f'use = "latent_forward", weight = {weight}'})
        last[weight] = run.log.trained_at[-1][2].raw["forward"]
    print(last)
    assert last[100.0] < 0.8 * last[1e-3]


@pytest.mark.parametrize("setting", ["weight = 1e-6", "weight = 1e-3", "share = 0.01"])
def test_a_small_term_changes_the_weights(train: "Train", setting: str) -> None:
    runs = [
        train("stages.autoencode.steps=0", terms={"norm": f'use = "latent_norm", {setting}'}),
        train("stages.autoencode.steps=0"),
    ]
    assert different(*runs)
