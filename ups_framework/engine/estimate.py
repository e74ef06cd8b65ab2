"""What a run will take, from real steps on a small slice of its data."""

import copy
import io
import math
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median

import attrs
import torch
from attrs import frozen

from ups_framework.api import Data, Trajectories
from ups_framework.engine.audit import AuditRow, GradientNorms, audit_rows, measure_gradients
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System
from ups_framework.engine.diagnostics import Diagnosis
from ups_framework.engine.evaluate import protocol_of, validation_prediction
from ups_framework.engine.randomness import seeded
from ups_framework.engine.schedules import audit_due, unrolled_frames
from ups_framework.engine.state import State, begin_stage
from ups_framework.engine.trace import Trace
from ups_framework.engine.train_step import train_step
from ups_framework.errors import RunError
from ups_framework.recipe import Recipe

Clock = Callable[[], float]
"""Seconds since some moment."""

LARGEST_PART = 0.02
"""A run tries its stages at its start where the steps that this takes are at most this part of all its steps."""

_SLICE = {"train": 4, "validation": 2, "test": 2}
_TIMED_STEPS = 5
_MOST_VALIDATED = 64


@frozen(kw_only=True, eq=False)
class StageTrial:
    """One stage, tried for a few steps."""

    name: str
    """Its name in the recipe."""

    norms: GradientNorms
    """Of all terms, before the first step."""

    rows: list[AuditRow]
    """The audit table."""

    step_seconds: float
    """All its training steps, from the time of real steps with as many unrolled frames."""

    audit_seconds: float
    """All its audits."""

    validation_seconds: float
    """All its validations."""

    checkpoint_bytes: int
    """Size of one of its checkpoints."""

    @property
    def seconds(self) -> float:
        """All of the stage."""
        return self.step_seconds + self.audit_seconds + self.validation_seconds


def slice_of(recipe: Recipe, times: int = 1) -> Recipe:
    """The same recipe on a handful of trajectories of the same problem, or `times` as many."""
    small = {split: min(times * count, getattr(recipe.data, split)) for split, count in _SLICE.items()}
    return attrs.evolve(recipe, data=attrs.evolve(recipe.data, **small))  # type: ignore[misc]  # every dataset is attrs


def try_stages(system: System, data: Data, clock: Clock = time.perf_counter) -> Iterator[StageTrial]:
    """Audit, train and validate each stage for a moment, by any clock. Steps that are made here change the simulator.

    Validations are timed on as many trajectories as the recipe asks for, even where `data` is a slice.
    """
    for index, (name, stage) in enumerate(system.recipe.stages.items()):
        if stage.steps:
            yield _try_stage(system, data, index, name, clock)


def training_forecast(system: System, data: Data) -> float | None:
    """Seconds that the training of all stages should take; None if to try them would take too long a part of it.

    Leaves weights, sampler and gradients as they were.
    """
    stages = {name: stage for name, stage in system.recipe.stages.items() if stage.steps}
    tried = sum((1 + _TIMED_STEPS) * len(_steps_by_frames(system, name)) for name in stages)
    if tried > LARGEST_PART * sum(stage.steps for stage in stages.values()):
        return None
    before = copy.deepcopy((system.simulator.state_dict(), system.sampler.state_dict()))
    try:
        return sum(trial.seconds for trial in try_stages(system, data))
    except RunError:  # late steps on weights that nothing has trained yet may burst, which says nothing of the run
        return None
    finally:
        system.simulator.load_state_dict(before[0])
        system.sampler.load_state_dict(before[1])
        system.simulator.zero_grad(set_to_none=True)
        system.simulator.requires_grad_(True)


def repeated(split: Trajectories, count: int) -> Trajectories:
    """So many trajectories, the given ones over and over."""
    index = torch.arange(count, device=split.values.device) % len(split)
    return attrs.evolve(split, values=split.values[index], parameters=split.parameters[index])


def _try_stage(system: System, data: Data, index: int, name: str, clock: Clock) -> StageTrial:
    state, batches, objective = begin_stage(system, index), Batches(system, data, name), system.objectives[name]
    started = clock()
    norms = measure_gradients(
        objective,
        lambda: batches.audit_step(0),
        system.trained_parts(name),
        lambda: seeded(batches.device, system.recipe.seed, "audit", name, 0),
    )
    audit_seconds = clock() - started
    state.weights = objective.rebalanced(state.weights, norms.totals())
    step_seconds = sum(
        steps * _seconds_a_step(system, name, batches, state, first, clock)
        for first, steps in _steps_by_frames(system, name).values()
    )
    training, steps = system.recipe.training, system.recipe.stages[name].steps
    audits = sum(audit_due(training.audit_every, step) for step in range(steps))
    validations = math.ceil(steps / training.validate_every)
    return StageTrial(
        name=name,
        norms=norms,
        rows=audit_rows(norms, state.weights),
        step_seconds=step_seconds,
        audit_seconds=audits * audit_seconds,
        validation_seconds=validations * _seconds_a_validation(system, name, data, state, clock),
        checkpoint_bytes=_bytes(state),
    )


def _steps_by_frames(system: System, name: str) -> Mapping[int, tuple[int, int]]:
    """For each number of unrolled frames of a stage: its first step and how many steps have it."""
    stage = system.recipe.stages[name]
    counts: dict[int, tuple[int, int]] = {}
    for step in range(stage.steps):
        first, steps = counts.get(unrolled_frames(stage, step), (step, 0))
        counts[unrolled_frames(stage, step)] = (first, steps + 1)
    return counts


def _seconds_a_step(system: System, name: str, batches: Batches, state: State, step: int, clock: Clock) -> float:
    """Time of a training step like the given one, the middle one of some after one that warms up."""
    trace = Trace(system.recipe.stages[name].losses)
    seconds = []
    for _ in range(1 + _TIMED_STEPS):
        state.step = step
        started = clock()
        train_step(system, name, batches, state, trace)
        trace.read(name, state.step)
        seconds.append(clock() - started)
    return median(seconds[1:])


def _seconds_a_validation(system: System, name: str, data: Data, state: State, clock: Clock) -> float:
    """Time of one validation; of many trajectories a part is tried."""
    asked, figure = system.recipe.data.validation, system.recipe.stages[name].select
    tried = repeated(data.validation, min(asked, _MOST_VALIDATED))
    diagnose = Diagnosis(system, attrs.evolve(data, validation=tried))
    started = clock()
    prediction = validation_prediction(system, state.average, tried, figure)
    system.metrics["nrmse"](prediction, protocol_of(system).truth(tried), tried.grid)
    diagnose(state.average, prediction, advances=figure != "reconstruction")
    return (clock() - started) * asked / len(tried)


def _bytes(state: State) -> int:
    """Of a checkpoint of the state, once it has best weights."""
    payload = io.BytesIO()
    torch.save({**state.tensors(), "best_weights": state.average.state_dict()}, payload)
    return payload.tell()


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
