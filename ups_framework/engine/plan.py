"""What a whole job will take, from a few real steps, a few trajectories made and a few evaluated."""

import io
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import torch
from attrs import frozen

from ups_framework.api import Dataset
from ups_framework.engine.estimate import (
    Clock,
    StageTrial,
    data_memory_mib,
    peak_memory_mib,
    repeated,
    slice_of,
    try_stages,
)
from ups_framework.engine.evaluate import evaluate
from ups_framework.engine.prepare import Prepared, prepare
from ups_framework.errors import DataError
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe

_MOST_EVALUATED = 16
_MORE = 4
"""How many times the slice is made anew, to tell what a trajectory takes from what is set up once."""

_KEPT_CHECKPOINTS = 2


@frozen(kw_only=True)
class DataPlan:
    """What making the data takes, if it is not there already."""

    trajectories: int
    """Of all splits."""

    seconds: float
    """To make them all."""

    disk_bytes: int
    """Of the files that are made; 0 where data is read from files that are there."""


@frozen(kw_only=True, eq=False)
class Plan:
    """What a run takes."""

    data: DataPlan
    """Making the data."""

    stages: tuple[StageTrial, ...]
    """Training with audits and validations, stage by stage."""

    checkpoints: int
    """How many are written."""

    checkpoint_seconds: float
    """To write them all."""

    evaluation_seconds: float
    """Evaluation on the test split, with all baselines."""

    steps_mib: float
    """Most memory that was held while trying it: of the GPU where there is one."""

    data_mib: float
    """Memory of all data."""

    run_bytes: int
    """Disk that the run's checkpoints and simulator take in the end."""

    @property
    def seconds(self) -> float:
        """All of it."""
        training = sum(stage.seconds for stage in self.stages)
        return self.data.seconds + training + self.checkpoint_seconds + self.evaluation_seconds


def plan_of(
    recipe: Recipe,
    registry: Registry,
    device: torch.device,
    report: Callable[[str], None],
    clock: Clock = time.perf_counter,
) -> Plan:
    """Try a recipe that has no mistakes on slices of its data, made in a folder that is removed again."""
    with tempfile.TemporaryDirectory() as folder:
        data, place = _plan_data(recipe, Path(folder), clock)
        sliced = attrs.evolve(slice_of(recipe), data_folder=str(place))
        prepared = prepare(sliced, registry, device, report)
        whole = attrs.evolve(prepared.system, recipe=recipe)
        stages = tuple(try_stages(whole, prepared.data, clock))
        size = max((stage.checkpoint_bytes for stage in stages), default=0)  # stages of no steps are not tried
        seconds = _seconds_a_checkpoint(size, Path(folder), clock)
        evaluation_seconds = _evaluation_seconds(recipe, prepared, clock)
    every = recipe.training.checkpoint_every
    checkpoints = sum(math.ceil(stage.steps / every) + 1 for stage in recipe.stages.values() if stage.steps)
    simulator_bytes = sum(tensor.nbytes for tensor in prepared.system.simulator.state_dict().values())
    return Plan(
        data=data,
        stages=stages,
        checkpoints=checkpoints,
        checkpoint_seconds=checkpoints * seconds,
        evaluation_seconds=evaluation_seconds,
        steps_mib=peak_memory_mib(),
        data_mib=data_memory_mib(recipe, prepared.data),
        run_bytes=_KEPT_CHECKPOINTS * size + simulator_bytes,
    )


def _plan_data(recipe: Recipe, folder: Path, clock: Clock) -> tuple[DataPlan, Path]:
    """What the data takes, and the folder where a slice of it is: the recipe's own where the data is read from it."""
    trajectories = _count(recipe.data)
    slices = [slice_of(recipe, times).data for times in (_MORE, 1)]
    try:
        (more, size), (few, _) = (_made(data, folder / str(number), clock) for number, data in enumerate(slices))
    except DataError:  # files that the recipe names lie in its own folder
        place = Path(recipe.data_folder)
        (more, _), (few, _) = (_made(data, place, clock) for data in slices)
        size = 0
    else:
        place = folder / "1"
    difference = _count(slices[0]) - _count(slices[1])
    each = max(0.0, (more - few) / difference) if difference else 0.0
    seconds = max(more, more + each * (trajectories - _count(slices[0])))
    disk_bytes = round(size * trajectories / _count(slices[0]))
    return DataPlan(trajectories=trajectories, seconds=seconds, disk_bytes=disk_bytes), place


def _made(data: Dataset, folder: Path, clock: Clock) -> tuple[float, int]:
    """Time of making the data, and bytes of the files in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    started = clock()
    data.build(folder=folder, device=torch.device("cpu"), report=_say_nothing)
    return clock() - started, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _count(data: Dataset) -> int:
    return data.train + data.validation + data.test


def _seconds_a_checkpoint(num_bytes: int, folder: Path, clock: Clock) -> float:
    """Time of writing one as a run does: through memory, to the disk."""
    started = clock()
    payload = io.BytesIO()
    torch.save(torch.zeros(num_bytes, dtype=torch.uint8), payload)
    with (folder / "checkpoint").open("wb") as file:
        file.write(payload.getvalue())
        file.flush()
        os.fsync(file.fileno())
    return clock() - started


def _evaluation_seconds(recipe: Recipe, prepared: Prepared, clock: Clock) -> float:
    """Time of the evaluation; of many trajectories a part is tried."""
    test = repeated(prepared.data.test, min(recipe.data.test, _MOST_EVALUATED))
    started = clock()
    evaluate(prepared.system, attrs.evolve(prepared.data, test=test))
    return (clock() - started) * recipe.data.test / len(test)


def _say_nothing(line: str) -> None:
    """A slice is made for its time only."""
