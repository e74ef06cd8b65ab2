"""What steps which parameter, and how far."""

from typing import Literal

import torch
from torch import nn

from ups_framework.engine.optimizers import make_optimizers
from ups_framework.recipe.recipe import Optimizer

RATE = 1e-2


def _stepped(settings: Optimizer, module: nn.Module) -> dict[str, torch.Tensor]:
    """How far one step on a random loss moves each parameter."""
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    sum((p * torch.randn_like(p)).sum() for p in module.parameters()).backward()  # type: ignore[union-attr]
    for optimizer in make_optimizers([module], settings):
        optimizer.step()
    return {name: parameter.detach() - before[name] for name, parameter in module.named_parameters()}


def test_muon_moves_a_matrix_by_equal_singular_values_of_the_size_of_adamws_steps() -> None:
    torch.manual_seed(0)
    settings = Optimizer(method="muon", learning_rate=RATE, weight_decay=0.0)
    step = _stepped(settings, nn.Linear(64, 32))["weight"]
    values = torch.linalg.svdvals(step)
    assert values.max() / values.min() < 2.0
    root_mean_square = step.square().mean().sqrt()
    assert 0.1 * RATE < root_mean_square < 0.4 * RATE


def test_every_parameter_has_one_optimiser_and_narrow_and_complex_ones_are_adamws() -> None:
    module = nn.Sequential(
        nn.Linear(64, 32), nn.Linear(32, 3), nn.Conv1d(16, 16, 3), nn.Linear(64, 32, dtype=torch.complex64)
    )
    adamw, muon = make_optimizers([module], Optimizer(method="muon"))
    taken = [[p for group in each.param_groups for p in group["params"]] for each in (adamw, muon)]
    assert [p.shape for p in taken[1]] == [(32, 64)]
    assert len(taken[0]) + 1 == len(list(module.parameters()))


def test_vectors_do_not_decay() -> None:
    methods: tuple[Literal["adamw", "muon"], ...] = ("adamw", "muon")
    for method in methods:
        decays = {
            parameter.ndim: group["weight_decay"]
            for optimizer in make_optimizers([nn.Linear(64, 32)], Optimizer(method=method, weight_decay=0.5))
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        assert decays == {1: 0.0, 2: 0.5}
