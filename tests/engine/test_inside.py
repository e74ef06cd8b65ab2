"""Guards hold for every prediction, on the grid and between its points; transforms act on every latent."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from ups_framework.engine.build import System
from ups_framework.engine.simulator import Simulator
from ups_framework.plugins import Registry

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train

GUARD = "guards.mean={use = 'keep_mean'}"


def _awake(system: System) -> Simulator:
    """With weights that change everything."""
    for parameter in system.simulator.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))
    return system.simulator.eval()


@pytest.mark.parametrize("rollout", ["field", "latent"])
def test_a_guard_holds_at_every_frame_of_a_rollout(prepare_recipe: "Prepare", rollout: str) -> None:
    drift = {}
    for name, settings in {"guarded": (GUARD,), "plain": ()}.items():
        prepared = prepare_recipe(*settings, f"simulator.rollout={rollout}")
        data = prepared.data.validation
        frames = _awake(prepared.system).rollout(data.values[:, 0], 4, parameters=data.parameters)
        drift[name] = float((frames.mean(2) - data.values[:, :1].mean(2)).abs().max())
    assert drift["guarded"] < 1e-5
    assert drift["plain"] > 1e-4


def test_between_the_points_of_the_grid_the_correction_is_interpolated(prepare_recipe: "Prepare") -> None:
    """A constant is added, so it is added everywhere; at the points of the grid both ways agree."""
    guarded, plain = prepare_recipe(GUARD), prepare_recipe()
    data, at = guarded.data.validation, torch.tensor([[0.013], [0.5], [0.99]])
    rollouts = [
        _awake(prepared.system).rollout(data.values[:, 0], 1, at=points, parameters=data.parameters)
        for points in (at, guarded.system.simulator.grid_points.clone(), None)
        for prepared in (guarded, plain)
    ]
    between, copied, on_grid = (
        (with_guard - without) for with_guard, without in zip(*[iter(rollouts)] * 2, strict=True)
    )
    constant = on_grid[:, :, :1]
    assert float(constant.abs().min()) > 0
    torch.testing.assert_close(copied, on_grid, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(between, constant.expand_as(between), atol=1e-5, rtol=1e-4)


def test_a_guard_is_trained_through_and_saved_with_the_simulator(
    train: "Train", tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded, plain = train(GUARD), train()
    assert not all(torch.equal(tensor, plain.weights()[name]) for name, tensor in guarded.weights().items())
    simulator = guarded.system.simulator.eval()
    simulator.save(tmp_path / "simulator.pt")
    monkeypatch.setattr("ups_framework.engine.build.load_plugins", lambda: registry)
    data = guarded.data.validation
    again = Simulator.load(tmp_path / "simulator.pt").rollout(data.values[:, 0], 3, parameters=data.parameters)
    assert torch.equal(again, simulator.rollout(data.values[:, 0], 3, parameters=data.parameters))
    assert float((again.mean(2) - data.values[:, :1].mean(2)).abs().max()) < 1e-5


def test_a_transform_acts_after_the_encoder_and_after_each_step_of_the_operator(prepare_recipe: "Prepare") -> None:
    """Untrained, the operator changes nothing: tokens are doubled once by encoding and again by each step."""
    doubled, plain = (
        prepare_recipe(*settings).system.simulator.eval()
        for settings in (("latent_transforms.twice={use = 'doubled'}",), ())
    )
    data = prepare_recipe().data.validation
    encoded = doubled.encode(data.values[:, 0], data.parameters)
    torch.testing.assert_close(encoded.tokens, 2 * plain.encode(data.values[:, 0], data.parameters).tokens)
    torch.testing.assert_close(doubled.advance(encoded, data.parameters).tokens, 2 * encoded.tokens)


def test_noise_is_there_in_training_alone_and_comes_again_with_the_seed(train: "Train") -> None:
    noise = "latent_transforms.noise={use = 'noisy'}"
    first, again, plain = train(noise), train(noise), train()
    same = [torch.equal(tensor, again.weights()[name]) for name, tensor in first.weights().items()]
    assert all(same)
    assert not all(torch.equal(tensor, plain.weights()[name]) for name, tensor in first.weights().items())
    simulator, data = first.system.simulator.eval(), first.data.validation
    one, other = (simulator.encode(data.values[:, 0], data.parameters).tokens for _ in range(2))
    assert torch.equal(one, other)
