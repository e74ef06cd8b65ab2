"""The training step as anyone would write it by hand: what the trainer is measured against, and taken apart by."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from ups_framework.api import Forecast, Grid
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System
from ups_framework.engine.schedules import ema_decay, unrolled_frames
from ups_framework.engine.state import State, averages_and_weights
from ups_framework.engine.stopwatch import Stopwatch


class BareLoop:
    """The same modules, loss terms, batches, clipping, optimisers and moving average as a stage's, and nothing else.

    No seeding, schedules, ramps, records, counts of points, nor a sampler that learns: factors stay as they are.
    """

    def __init__(self, system: System, stage: str, batches: Batches, state: State, watch: Stopwatch) -> None:
        recipe, settings = system.recipe, system.recipe.stages[stage]
        self._batches, self._state, self._watch = batches, state, watch
        self._training, self._optimizer, self._stage = recipe.training, recipe.optimizer, settings
        self._terms = [recipe.losses[name].loss.build(system.problem) for name in settings.losses]
        self._weights = [state.weights[name] for name in settings.losses]
        groups = [group for optimizer in state.optimizers for group in optimizer.param_groups]
        self._trained: list[Tensor] = [parameter for group in groups for parameter in group["params"]]
        self._averages, self._averaged = averages_and_weights(state)

    def step(self, number: int) -> None:
        """The step of that number."""
        self.gradients(number)
        self.update(number)

    def gradients(self, number: int) -> None:
        """Its first half: batches, forward and backward."""
        part, accumulate = self._watch.part, self._training.accumulate
        with part("data"):
            frames = unrolled_frames(self._stage, number)
            batches = list(self._batches.steps("train", number, frames, accumulate))
        with part("optimiser"):
            for optimizer in self._state.optimizers:
                optimizer.zero_grad(set_to_none=True)
        for batch in batches:
            with part("losses"):
                values = [weight * term(batch) for weight, term in zip(self._weights, self._terms, strict=True)]
                loss = torch.stack(values).sum() / accumulate
            with part("backward"):
                loss.backward()

    def update(self, number: int) -> None:
        """Its second half: clipping, optimisers and moving average."""
        with self._watch.part("optimiser"):
            if self._optimizer.clip is not None:
                nn.utils.clip_grad_norm_(self._trained, self._optimizer.clip)
            for optimizer in self._state.optimizers:
                optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(self._averages, self._averaged, 1 - ema_decay(self._optimizer.ema, number))


@contextmanager
def watched(system: System, watch: Stopwatch) -> Iterator[None]:
    """Inside the block encoder, operator, decoder and solver are parts of their own, within parts that are open."""
    simulator = system.simulator
    parts, solver = simulator.parts, simulator.solver
    try:
        for name, module in parts.items():
            setattr(simulator, name, _Watched(module, name, watch))
        simulator.solver = None if solver is None else partial(_solved, watch, solver)
        yield
    finally:
        for name, module in parts.items():
            setattr(simulator, name, module)
        simulator.solver = solver


def _solved(watch: Stopwatch, solver: Forecast, start: Tensor, steps: int, grid: Grid, parameters: Tensor) -> Tensor:
    """A solver's frames, from outside."""
    if not watch.runs:
        return solver(start, steps, grid, parameters)
    with watch.part("solver"):
        return solver(start, steps, grid, parameters)


class _Watched(nn.Module):
    """A module, compiled or not, from outside."""

    def __init__(self, inner: nn.Module, name: str, watch: Stopwatch) -> None:
        super().__init__()
        self._inner, self._name, self._watch = inner, name, watch

    def forward(self, *args: object) -> object:
        if not self._watch.runs:
            return self._inner(*args)
        with self._watch.part(self._name):
            return self._inner(*args)
