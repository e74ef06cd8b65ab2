"""What a training step takes, part by part, what its floor is, and what bounds it: measured, stage by stage."""

import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Literal

import attrs
import torch
from attrs import frozen

from ups_framework.api import Data
from ups_framework.engine.bare_loop import BareLoop, watched
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System
from ups_framework.engine.device_rates import DeviceRates, measure_rates
from ups_framework.engine.estimate import Clock, peak_memory_mib, repeated, slice_of
from ups_framework.engine.prepare import prepare
from ups_framework.engine.randomness import seeded
from ups_framework.engine.schedules import unrolled_frames
from ups_framework.engine.state import begin_stage
from ups_framework.engine.step_costs import StepCosts, counted
from ups_framework.engine.stopwatch import Stopwatch, seconds_in_turn
from ups_framework.engine.trace import Trace
from ups_framework.engine.train_step import train_step
from ups_framework.errors import DataError
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe

SECONDS = 10.0
"""How long the steps of a stage are timed, about."""

PARTS = ("data", "encoder", "operator", "decoder", "solver", "losses", "backward", "optimiser")
"""Parts of a step, in their order; the forward pass outside encoder, operator and decoder is the losses'."""

_STEPS_ON_GPU = 4
"""Steps that are timed as one: a GPU is waited for before and after them, and runs ahead of none within."""

_FEWEST_ROUNDS, _MOST_ROUNDS = 5, 60

_LEARNING_RATE = 1e-6
"""Steps are the same whatever they change; so little that late steps on untrained weights do not burst."""

Bound = Literal["compute", "memory", "overhead", "data"]


@frozen(kw_only=True)
class StageSpeed:
    """The steps of one stage, with as many frames unrolled as it comes to."""

    name: str
    """Its name in the recipe."""

    frames: int
    """Frames that are predicted."""

    windows: int
    """Windows of a step."""

    step_seconds: float
    """A step of the trainer."""

    bare_seconds: float
    """A step of the bare loop, over the same modules, terms and batches."""

    parts: Mapping[str, float]
    """Seconds of each part of the bare loop's step, by their shares of all its steps."""

    peak_mib: float
    """Most memory that the process has held so far, on the GPU where there is one."""

    costs: StepCosts
    """Counts of a step."""

    @property
    def ratio(self) -> float:
        """The trainer's step over that of the bare loop."""
        return self.step_seconds / self.bare_seconds

    @property
    def trainer_seconds(self) -> float:
        """What the trainer takes beyond the bare loop: the rest of a step."""
        return self.step_seconds - self.bare_seconds

    @property
    def data_share(self) -> float:
        """Part of a step that goes to drawing its batch."""
        return self.parts["data"] / self.step_seconds

    @property
    def windows_per_second(self) -> float:
        """Training samples in a second."""
        return self.windows / self.step_seconds

    def floors(self, rates: DeviceRates) -> dict[Bound, float]:
        """About the least seconds that each of four things takes by itself, operations as they are uncompiled."""
        return {
            "compute": (self.costs.flops + self.costs.optimizer_flops) / rates.flops_per_second,
            "memory": self.costs.moved_bytes / rates.bytes_per_second,
            "overhead": self.costs.operations * rates.operation_seconds,
            "data": self.parts["data"],
        }


@frozen(kw_only=True)
class Speed:
    """A recipe on a device."""

    stages: tuple[StageSpeed, ...]
    """Stages that have steps."""

    rates: DeviceRates
    """What the device reaches."""


def measure_speed(
    recipe: Recipe,
    registry: Registry,
    device: torch.device,
    report: Callable[[str], None],
    *,
    clock: Clock = time.perf_counter,
    budget: float = SECONDS,
) -> Speed:
    """Time the steps of a recipe that has no mistakes, about `budget` seconds a stage; nothing is kept.

    The windows are those of a slice of its data, repeated to the recipe's number of trajectories.
    """
    system, data = _prepared(recipe, registry, device, report)
    with seeded(device, recipe.seed, "speed"):
        tries = [_Try(system, data, name, clock) for name, stage in recipe.stages.items() if stage.steps]
        costs = [each.costs() for each in tries]
        if recipe.training.compile:  # after operations are counted one by one
            system.simulator.compile_parts()
        stages = tuple(each.speed(counts, budget) for each, counts in zip(tries, costs, strict=True))
    return Speed(stages=stages, rates=measure_rates(device, system.simulator.precision, clock))


def _prepared(
    recipe: Recipe, registry: Registry, device: torch.device, report: Callable[[str], None]
) -> tuple[System, Data]:
    """A system that is not compiled, and its data, made in a folder that is removed or read from the recipe's own."""
    slow = attrs.evolve(
        recipe,
        training=attrs.evolve(recipe.training, compile=False),
        optimizer=attrs.evolve(recipe.optimizer, learning_rate=_LEARNING_RATE),
    )
    sliced = slice_of(slow)
    with tempfile.TemporaryDirectory() as folder:
        place = folder
        try:
            sliced.data.build(folder=Path(folder), device=torch.device("cpu"), report=report)
        except DataError:  # files that the recipe names lie in its own folder
            place = sliced.data_folder
        prepared = prepare(attrs.evolve(sliced, data_folder=place), registry, device, report)
    data = attrs.evolve(prepared.data, train=repeated(prepared.data.train, recipe.data.train))
    return attrs.evolve(prepared.system, recipe=slow), data


class _Try:
    """Steps of one stage, by the trainer and by hand."""

    def __init__(self, system: System, data: Data, name: str, clock: Clock) -> None:
        self._system, self._name, self._stage, self._clock = system, name, system.recipe.stages[name], clock
        self._batches = Batches(system, data, name)
        self._watch = Stopwatch(self._batches.device, clock)
        self._trace = Trace(self._stage.losses)
        self._steps = _STEPS_ON_GPU if self._batches.device.type == "cuda" else 1
        frames = [unrolled_frames(self._stage, step) for step in range(self._stage.steps)]
        self._frames, self._number = max(frames), frames.index(max(frames))

    def costs(self) -> StepCosts:
        """Counts of a step."""
        self._begin()
        gradients, update = partial(self._bare.gradients, self._number), partial(self._bare.update, self._number)
        return counted(gradients, update, self._system.simulator, self._state.optimizers)

    def speed(self, costs: StepCosts, budget: float) -> StageSpeed:
        """Warm up, see how long it takes, and time as many steps as `budget` has room for."""
        self._begin()
        with watched(self._system, self._watch):
            once = sum(times[0] for times in self._times(rounds=1, warm_up=1))
            peak = peak_memory_mib()
            self._watch.read()
            rounds = min(max(int(budget / once), _FEWEST_ROUNDS), _MOST_ROUNDS)
            step, bare = (median(times) / self._steps for times in self._times(rounds))
            parts = self._watch.read()
        self._trace.read(self._name, self._state.step)
        training, total = self._system.recipe.training, sum(parts.values())
        return StageSpeed(
            name=self._name,
            frames=self._frames,
            windows=training.batch * training.accumulate,
            step_seconds=step,
            bare_seconds=bare,
            parts={part: bare * parts.get(part, 0.0) / total for part in PARTS},
            peak_mib=peak,
            costs=costs,
        )

    def _begin(self) -> None:
        self._system.simulator.zero_grad(set_to_none=True)  # of parts that another stage trains
        self._state = begin_stage(self._system, list(self._system.recipe.stages).index(self._name))
        self._bare = BareLoop(self._system, self._name, self._batches, self._state, self._watch)

    def _times(self, rounds: int, warm_up: int = 0) -> list[list[float]]:
        return seconds_in_turn([self._trainer_steps, self._bare_steps], rounds, warm_up, self._clock)

    def _trainer_steps(self, turn: int) -> None:
        for _ in range(self._steps):
            self._state.step = self._number
            train_step(self._system, self._name, self._batches, self._state, self._trace)

    def _bare_steps(self, turn: int) -> None:
        for _ in range(self._steps):
            self._bare.step(self._number)
