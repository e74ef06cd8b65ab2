"""What a picture promises."""

import io
from collections.abc import Iterator

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ups_framework.api import Plot, Rollout
from ups_framework.testing.checks import Suite, Use
from ups_framework.testing.subject import Subject


def _rollout(subject: Subject) -> Rollout:
    trajectories = subject.setting.trajectories
    times = trajectories.dt * torch.arange(trajectories.values.shape[1])
    return Rollout(prediction=0.9 * trajectories.values, truth=trajectories.values, times=times, grid=trajectories.grid)


def _drawn(subject: Subject, rollout: Rollout | None = None) -> Figure:
    plot: Plot = subject.build()
    return plot(rollout or _rollout(subject))


def _use(subject: Subject) -> Use:
    rollout = _rollout(subject)
    given = [rollout.prediction, rollout.truth, rollout.times]
    return Use(given=given, call=lambda: [_pixels(_drawn(subject, rollout))])


def _pixels(figure: Figure) -> Tensor:
    """Red, green, blue and opacity, one pixel after another."""
    file = io.BytesIO()
    figure.savefig(file, format="rgba")
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8).float()


def draws_a_figure_with_labelled_axes(subject: Subject) -> Iterator[str]:
    """A matplotlib Figure in which some axes have both labels."""
    figure = _drawn(subject)
    if not isinstance(figure, Figure):
        yield f"it gives {type(figure).__name__}, no matplotlib Figure"
        return
    if not figure.axes:
        yield "the figure is empty"
    elif not any(axes.get_xlabel() and axes.get_ylabel() for axes in figure.axes):
        yield "no axes say what they show: set both labels, with units"
    figure.canvas.draw()


def leaves_pyplot_alone(subject: Subject) -> Iterator[str]:
    """It opens no figure of `matplotlib.pyplot`, which would keep it for ever."""
    before = plt.get_fignums()
    _drawn(subject)
    if plt.get_fignums() != before:
        yield "it draws with pyplot, which keeps every figure: make a matplotlib.figure.Figure"


SUITE = Suite(use=_use, gives_tensors=False, checks=(draws_a_figure_with_labelled_axes, leaves_pyplot_alone))
