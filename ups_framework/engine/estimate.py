"""What a run will take, from real steps on a small slice of its data."""

import resource
import time
from collections.abc import Iterator, Mapping

import attrs
import torch
from attrs import frozen

from ups_framework.api import Data
from ups_framework.engine.audit import AuditRow, GradientNorms, audit_rows, measure_gradients
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System
from ups_framework.engine.randomness import seeded
from ups_framework.engine.schedules import audit_due, unrolled_frames
from ups_framework.engine.state import State, begin_stage
from ups_framework.engine.trace import Trace
from ups_framework.engine.train_step import train_step
from ups_framework.recipe import Recipe

_SLICE = {"train": 4, "validation": 2, "test": 2}
_TIMED_STEPS = 3


@frozen(kw_only=True, eq=False)
class StageTrial:
    """One stage, tried for a few steps."""

    name: str
    """Its name in the recipe."""

    norms: GradientNorms
    """Of all terms, before the first step."""

    rows: list[AuditRow]
    """The audit table."""

    seconds: float
    """All its training steps and audits, from the time of real steps with as many unrolled frames."""


def slice_of(recipe: Recipe) -> Recipe:
    """The same recipe on a handful of trajectories of the same problem."""
    small = {split: min(count, getattr(recipe.data, split)) for split, count in _SLICE.items()}
    return attrs.evolve(recipe, data=attrs.evolve(recipe.data, **small))  # type: ignore[misc]  # every dataset is attrs


def try_stages(system: System, data: Data) -> Iterator[StageTrial]:
    """Audit and time each stage in turn. Steps that are made here change the simulator."""
    for index, (name, stage) in enumerate(system.recipe.stages.items()):
        if stage.steps:
            yield _try_stage(system, data, index, name)


def _try_stage(system: System, data: Data, index: int, name: str) -> StageTrial:
    state, batches, objective = begin_stage(system, index), Batches(system, data, name), system.objectives[name]
    started = time.perf_counter()
    norms = measure_gradients(
        objective,
        lambda: batches.audit_step(0),
        system.trained_parts(name),
        lambda: seeded(batches.device, system.recipe.seed, "audit", name, 0),
    )
    audit_seconds = time.perf_counter() - started
    state.weights = objective.rebalanced(state.weights, norms.totals())
    step_seconds = sum(
        steps * _seconds_a_step(system, name, batches, state, first)
        for first, steps in _steps_by_frames(system, name).values()
    )
    every, steps = system.recipe.training.audit_every, system.recipe.stages[name].steps
    audits = sum(audit_due(every, step) for step in range(steps))
    seconds = step_seconds + audits * audit_seconds
    return StageTrial(name=name, norms=norms, rows=audit_rows(norms, state.weights), seconds=seconds)


def _steps_by_frames(system: System, name: str) -> Mapping[int, tuple[int, int]]:
    """For each number of unrolled frames of a stage: its first step and how many steps have it."""
    stage = system.recipe.stages[name]
    counts: dict[int, tuple[int, int]] = {}
    for step in range(stage.steps):
        first, steps = counts.get(unrolled_frames(stage, step), (step, 0))
        counts[unrolled_frames(stage, step)] = (first, steps + 1)
    return counts


def _seconds_a_step(system: System, name: str, batches: Batches, state: State, step: int) -> float:
    """Time of a training step like the given one, after one that warms up."""
    trace = Trace(system.recipe.stages[name].losses)
    seconds = []
    for _ in range(1 + _TIMED_STEPS):
        state.step = step
        started = time.perf_counter()
        train_step(system, name, batches, state, trace)
        trace.read(name, state.step)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def data_memory_mib(recipe: Recipe, data: Data) -> float:
    """What all splits of the recipe take, from the trajectories of a slice."""
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    total = sum(split.values[0].nbytes * getattr(recipe.data, name) for name, split in splits.items())
    return float(total) / 1024**2


def peak_memory_mib() -> float:
    """Most memory that this process has held so far: on the GPU where there is one, else of the whole process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1024**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
