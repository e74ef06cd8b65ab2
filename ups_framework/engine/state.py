"""Everything that changes while a run trains, listed once: what a checkpoint holds and a resume restores."""

import copy
from typing import Any

import torch
from attrs import Factory, define, field
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ups_framework.api import Points, Sampling
from ups_framework.engine.build import System
from ups_framework.engine.optimizers import make_optimizers
from ups_framework.engine.schedules import ema_decay
from ups_framework.engine.simulator import Simulator


@define(kw_only=True, eq=False)
class State:
    """The state of training."""

    stage: int
    """Index of the current stage; the number of stages when all are done."""

    step: int
    """Optimiser steps done in it."""

    simulator: Simulator
    """The weights that the optimiser changes."""

    average: Simulator
    """Their moving average: what is validated and, at the end of a stage, taken on."""

    optimizers: tuple[torch.optim.Optimizer, ...]
    """Their moments; each parameter that is trained is in one of them."""

    sampler: Sampling
    """What it has learned, if it learns."""

    coverage: Tensor
    """How often each point of the training grid, or its neighbourhood, was supervised so far, (N)."""

    weights: dict[str, float]
    """Weights of the loss terms, of which those with a share are measured."""

    best: float = float("inf")
    """Best validation figure of the stage."""

    best_weights: dict[str, Tensor]
    """Averaged weights that reached it."""

    without_best: int = 0
    """Validations since."""

    gradient_norms: list[float] = Factory(list)
    """Gradient norms of the last recorded steps of the stage: what spikes are told by."""

    train_seconds: float
    """Seconds of training so far, in all stages, validations and audits included."""

    _averaged: tuple[list[Tensor], list[Tensor]] = field(
        init=False, repr=False, default=Factory(lambda self: averages_and_weights(self), takes_self=True)
    )
    """Averages and what they are of; found once, since to look through all modules takes longer than to average."""

    def tensors(self) -> dict[str, Any]:
        """Plain values and tensors only, so that it loads with `weights_only=True`."""
        return {
            "stage": self.stage,
            "step": self.step,
            "simulator": self.simulator.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "sampler": self.sampler.state_dict(),
            "coverage": self.coverage,
            "weights": dict(self.weights),
            "best": self.best,
            "best_weights": self.best_weights,
            "without_best": self.without_best,
            "gradient_norms": list(self.gradient_norms),
            "train_seconds": self.train_seconds,
        }

    def take_coverage(self, points: Points) -> None:
        """Count the points of a step."""
        grid = self.simulator.problem.grid
        index = grid.nearest(points.coordinates) if points.index is None else points.index
        self.coverage.index_add_(0, index.flatten(), torch.ones_like(index.flatten(), dtype=self.coverage.dtype))

    def take_average(self, decay: float) -> None:
        """Move the average towards the weights after a step."""
        update = get_ema_multi_avg_fn(ema_decay(decay, self.step))
        update(*self._averaged, None)


def begin_stage(system: System, stage: int, after: State | None = None) -> State:
    """The state before the first step of a stage, which goes on from the simulator's present weights.

    What is counted over all stages goes on from the end of the stage before, if there was one.
    """
    points = system.simulator.grid_points
    name = list(system.recipe.stages)[stage]
    trained = system.trained_parts(name)
    for part, module in system.simulator.parts.items():
        module.requires_grad_(part in trained)
    return State(
        stage=stage,
        step=0,
        simulator=system.simulator,
        average=copy.deepcopy(system.simulator).eval().requires_grad_(False),
        optimizers=make_optimizers(trained.values(), system.recipe.optimizer),
        sampler=system.sampler,
        coverage=after.coverage if after else torch.zeros(len(points), dtype=torch.long, device=points.device),
        weights=system.objectives[name].initial_weights(),
        best_weights={},
        train_seconds=after.train_seconds if after else 0.0,
    )


def restored_state(system: System, saved: dict[str, Any]) -> State:
    """The state that `State.tensors` gave, in a system built from the same recipe."""
    last = len(system.recipe.stages) - 1
    state = begin_stage(system, min(saved["stage"], last))
    state.train_seconds = saved["train_seconds"]
    state.stage, state.step = saved["stage"], saved["step"]
    state.simulator.load_state_dict(saved["simulator"])
    state.average.load_state_dict(saved["average"])
    for optimizer, moments in zip(state.optimizers, saved["optimizers"], strict=True):
        optimizer.load_state_dict(moments)
    state.sampler.load_state_dict(saved["sampler"])
    state.coverage.copy_(saved["coverage"])
    state.weights = saved["weights"]
    state.best, state.best_weights, state.without_best = saved["best"], saved["best_weights"], saved["without_best"]
    state.gradient_norms = saved["gradient_norms"]
    return state


def averages_and_weights(state: State) -> tuple[list[Tensor], list[Tensor]]:
    """Averages and weights of the parameters that the stage trains; the others stay what they are."""
    weights, averages = state.simulator.parameters(), state.average.parameters()
    pairs = [pair for pair in zip(averages, weights, strict=True) if pair[1].requires_grad]
    return [average for average, _ in pairs], [weight for _, weight in pairs]
