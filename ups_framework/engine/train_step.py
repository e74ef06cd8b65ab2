"""One optimiser step. Nothing in it waits for the device, but for a solver that the networks correct."""

import torch
from torch import nn

from ups_framework.api import Step
from ups_framework.border import class_of, plugin_code
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System
from ups_framework.engine.randomness import seeded
from ups_framework.engine.schedules import learning_rate, unrolled_frames
from ups_framework.engine.state import State
from ups_framework.engine.trace import Trace
from ups_framework.errors import RunError

_NOTHING_TO_TRAIN = (
    "stage {stage!r}, step {step}: no loss term depends on a trained part while {frames} frames are predicted; "
    "add one to stages.{stage}.losses that does, or set stages.{stage}.curriculum = 0"
)


def train_step(system: System, stage_name: str, batches: Batches, state: State, trace: Trace) -> None:
    """Draw a batch, add up the gradients of its micro-batches, step the optimiser and the moving average.

    RunError if nothing that is trained has a part in the loss, as when only later frames count and one is unrolled.
    """
    recipe = system.recipe
    stage, objective, step = recipe.stages[stage_name], system.objectives[stage_name], state.step
    factors = torch.tensor(objective.ramped(state.weights, step, stage.steps)).to(batches.device, non_blocking=True)
    raw = torch.zeros(len(factors), device=batches.device)
    micro_batches = recipe.training.accumulate
    for optimizer in state.optimizers:
        optimizer.zero_grad(set_to_none=True)
    with seeded(batches.device, recipe.seed, "network", stage_name, step):
        for batch in batches.steps("train", step, unrolled_frames(stage, step), micro_batches):
            values = torch.stack(objective.raw(batch))
            if not values.requires_grad:
                raise RunError(_NOTHING_TO_TRAIN.format(stage=stage_name, step=step + 1, frames=batch.num_steps))
            ((values * factors).sum() / micro_batches).backward()
            raw += values.detach() / micro_batches
            _teach(system, batch)
            state.take_coverage(batch.points)
    norm = _clip(state, recipe.optimizer.clip)
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe.optimizer, step, stage.steps)
        optimizer.step()
    state.step += 1
    state.take_average(recipe.optimizer.ema)
    trace.add(raw, factors, norm)


def _teach(system: System, batch: Step) -> None:
    """Show a sampler that learns the errors at its points, if a loss term has looked at them."""
    if not system.sampler.learns or "prediction" not in vars(batch):
        return
    error = (batch.prediction.detach() - batch.target) / system.simulator.sd
    with plugin_code(f"sampler ({class_of(system.recipe.sampler)})"):
        system.sampler.observe(batch.points, error.square().sum(-1))


def _clip(state: State, limit: float | None) -> torch.Tensor:
    """Scale the gradient down to `limit`; its norm before."""
    groups = [group for optimizer in state.optimizers for group in optimizer.param_groups]
    parameters = [p for group in groups for p in group["params"] if p.grad is not None]
    return nn.utils.clip_grad_norm_(parameters, float("inf") if limit is None else limit)
