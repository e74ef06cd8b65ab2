"""A few test trajectories, chosen for the pictures of a report."""

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.engine.evaluate import on_training_grid
from ups_framework.engine.prepare import Prepared
from ups_framework.runs.predictions import Predictions

_NUM_SAMPLES = 3


def sample_predictions(prepared: Prepared, rollout: Float[Tensor, "B T N C"]) -> Predictions:
    """The first test trajectories beside the model's rollouts on the training grid."""
    problem, context = prepared.system.problem, prepared.system.recipe.evaluation.context
    truth = on_training_grid(prepared.data).values[:_NUM_SAMPLES, context:].cpu()
    times = problem.dt * torch.arange(context, context + truth.shape[1], dtype=torch.float64)
    return Predictions(
        prediction=rollout[:_NUM_SAMPLES].numpy(),
        truth=truth.numpy(),
        t=times.numpy(),
        x=tuple(problem.grid.coordinates(axis).numpy() for axis in range(len(problem.axes))),
        axes=tuple(axis.name for axis in problem.axes),
        axis_units=tuple(axis.unit for axis in problem.axes),
        channels=problem.channel_names,
        channel_units=tuple(field.unit for field in problem.fields for _ in range(field.components)),
    )
