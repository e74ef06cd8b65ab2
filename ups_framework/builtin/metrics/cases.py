"""Predictions whose errors are known by hand."""

import torch

from ups_framework.api import ClosedForm, Problem

_TRAJECTORIES, _FRAMES = 3, 2


def one_point(problem: Problem, *, truth: float, error: float, value: float) -> ClosedForm:
    """A truth that is the same everywhere, and a prediction that is wrong at the first point of the grid."""
    shape = (_TRAJECTORIES, _FRAMES, problem.grid.num_points, problem.num_channels)
    prediction = torch.full(shape, truth)
    prediction[:, :, 0] += error
    return ClosedForm(
        prediction=prediction,
        truth=torch.full(shape, truth),
        value=torch.full((_FRAMES, problem.num_channels), value),
    )
