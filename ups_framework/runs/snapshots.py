"""The same few validation trajectories and their predictions, kept now and then while a run trains, for pictures."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.engine.listener import Progress, Validation
from ups_framework.engine.prepare import Prepared
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.predictions import Predictions, forget_snapshots, save_predictions

NUM_SNAPSHOTS = 12
"""Validations of a run that are kept at most, spread evenly, the last one always."""

NUM_SAMPLES = 2
"""Trajectories in each: always the first of the validation split."""

MOST_FRAMES = {1: 48, 2: 4}
"""Frames that are kept, by the number of axes; with more than two axes there is nothing that draws them."""

MOST_POINTS = {1: 256, 2: 64}
"""Grid points along each axis that are kept, likewise."""


def is_kept(stage: str, step: int, steps: Mapping[str, int], every: int) -> bool:
    """Whether the validation after a step of a stage is where one of NUM_SNAPSHOTS equal parts of all of them ends.

    `steps` of each stage, validated after `every` so many and after the last one.
    """
    counts = {name: -(-number // every) for name, number in steps.items()}
    before = sum(list(counts.values())[: list(counts).index(stage)])
    number, total = before - (-step // every), sum(counts.values())
    return number * NUM_SNAPSHOTS // total > (number - 1) * NUM_SNAPSHOTS // total


class Snapshots:
    """Keeps them in the run's folder."""

    def __init__(self, prepared: Prepared, folder: RunFolder) -> None:
        self._folder, self._system = folder, prepared.system
        self._truth = prepared.data.validation.values[:NUM_SAMPLES].cpu()

    def take(self, progress: Progress, validation: Validation) -> None:
        """Keep this validation if it is one of those to be kept. RunError if it cannot be written."""
        dims = len(self._system.problem.axes)
        steps = {name: stage.steps for name, stage in self._system.recipe.stages.items()}
        every = self._system.recipe.training.validate_every
        if dims not in MOST_FRAMES or not is_kept(progress.stage, progress.step, steps, every):
            return
        self._folder.validations.mkdir(exist_ok=True)
        path = self._folder.validations / f"{progress.total:06d}-{validation.figure}.npz"
        context = self._system.recipe.evaluation.context
        save_predictions(path, self._thinned(validation.prediction[:NUM_SAMPLES], self._truth[:, context:]))

    def rewind(self, step: int) -> None:
        """Forget what comes after `step`."""
        forget_snapshots(self._folder, step)

    def _thinned(self, prediction: Float[Tensor, "S T N C"], truth: Float[Tensor, "S T N C"]) -> Predictions:
        """With as many frames and points as a picture can show."""
        problem, context = self._system.problem, self._system.recipe.evaluation.context
        dims, frames = len(problem.axes), truth.shape[1]
        times = sorted({round(t) for t in np.linspace(0, frames - 1, min(frames, MOST_FRAMES[dims]))})
        strides = [-(-size // MOST_POINTS[dims]) for size in problem.grid.shape]
        taken = (slice(None), times, *(slice(None, None, stride) for stride in strides))
        both = (values.unflatten(2, problem.grid.shape)[taken].flatten(2, -2) for values in (prediction, truth))
        shown, true = (values.numpy() for values in both)
        seconds = problem.dt * torch.arange(context, context + frames, dtype=torch.float64)
        return Predictions(
            prediction=shown,
            truth=true,
            t=seconds[times].numpy(),
            x=tuple(problem.grid.coordinates(axis).numpy()[::stride] for axis, stride in enumerate(strides)),
            axes=tuple(axis.name for axis in problem.axes),
            axis_units=tuple(axis.unit for axis in problem.axes),
            channels=problem.channel_names,
            channel_units=tuple(field.unit for field in problem.fields for _ in range(field.components)),
        )
