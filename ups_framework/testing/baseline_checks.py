"""What a baseline promises."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ups_framework.api import Forecast
from ups_framework.testing.checks import Suite, Use, distance, shape_problems
from ups_framework.testing.subject import Subject

_STEPS = 3
_SHARED_STEPS = 0.02
"""How much of its size a trajectory may owe to the others of its batch."""


def _rollout(subject: Subject, start: Tensor, steps: int = _STEPS) -> Tensor:
    forecast: Forecast = subject.build()
    parameters = subject.setting.trajectories.parameters[: len(start)]
    return forecast(start, steps, subject.setting.problem.grid, parameters)


def _use(subject: Subject) -> Use:
    trajectories = subject.setting.trajectories
    start = trajectories.values[:, 0]
    return Use(given=[start, trajectories.parameters], call=lambda: [_rollout(subject, start)])


def rolls_out_as_many_steps_as_asked(subject: Subject) -> Iterator[str]:
    """(B T N C) for T = 1 and 3, in float32, finite."""
    start = subject.setting.trajectories.values[:, 0]
    for steps in (1, _STEPS):
        shape = (len(start), steps, *start.shape[1:])
        yield from shape_problems(f"a rollout of {steps}", _rollout(subject, start, steps), shape, torch.float32)


def goes_on_from_its_own_frames(subject: Subject) -> Iterator[str]:
    """A longer rollout begins with the shorter one."""
    start = subject.setting.trajectories.values[:, 0]
    apart = distance(_rollout(subject, start)[:, :2], _rollout(subject, start, 2))
    if apart > 1e-5:
        yield f"two steps of a longer rollout differ from a rollout of two by {apart:.2g} of its size"


def treats_trajectories_one_by_one(subject: Subject) -> Iterator[str]:
    """But for the time steps that a solver may share in a batch."""
    start = subject.setting.trajectories.values[:, 0]
    apart = distance(_rollout(subject, start)[:1], _rollout(subject, start[:1]))
    if apart > _SHARED_STEPS:
        yield f"alone, a trajectory differs by {apart:.2g} of its size from the same one among others"


SUITE = Suite(
    use=_use,
    checks=(rolls_out_as_many_steps_as_asked, goes_on_from_its_own_frames, treats_trajectories_one_by_one),
)
