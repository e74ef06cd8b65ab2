"""The same test trajectory as several recipes predict it: fields on one colour scale, errors on another."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ups_framework.runs.entrants import Entrant
from ups_framework.runs.joint_curves import with_same_truth
from ups_framework.runs.pictures import TIME, axis_label, channel_label, draw_field, edges
from ups_framework.runs.plot_style import ERROR_MAP, FIELD_MAP, INK, panels
from ups_framework.runs.predictions import Array, Predictions

MOST_SHOWN = 4
"""Recipes in a picture; more would be too small to see."""

_TOP = 99.5
"""Percentile of the errors at which their colours end, so that one burst hides no other."""


def joint_fields(entrants: Sequence[Entrant], channel: int) -> Figure | None:
    """A column a recipe: prediction above, error below, with the truth first; one test trajectory.

    Over space and time for one axis of space, at the last time for two; None for more, or without predictions.
    """
    shown = with_same_truth(entrants)[:MOST_SHOWN]
    first = shown[0].predictions if shown else None
    if first is None or len(first.axes) > 2:
        return None
    fields = [_field(first, first.truth, channel)]
    fields += [_field(first, each.predictions.prediction, channel) for each in shown if each.predictions is not None]
    flat = len(first.axes) == 1
    figure, grid = panels(2, len(fields), (2.1, 2.1), share=True)
    ends = (first.t, first.x[0]) if flat else first.x
    extent = (*edges(ends[0]), *edges(ends[1]))
    aspect: Literal["auto", "equal"] = "auto" if flat else "equal"
    scales = _scales(fields)
    for number, (top, bottom, values) in enumerate(zip(grid[0], grid[1], fields, strict=True)):
        drawn = draw_field(top, values, scales[0], extent, aspect)
        top.set_title("truth" if number == 0 else _wrapped(shown[number - 1].name), fontsize=8, color=INK)
        if number:
            wrong = draw_field(bottom, values - fields[0], scales[1], extent, aspect)
    _bar(figure, drawn, grid[0], channel_label(first, channel))
    _bar(figure, wrong, grid[1], f"error of {channel_label(first, channel)}")
    grid[1][0].set_axis_off()
    _label_axes(grid, first, flat)
    return figure


def _field(first: Predictions, values: Array, channel: int) -> Array:
    """Of the first trajectory: (axis, time) for one axis of space, the last frame for two."""
    on_grid: Array = first.on_grid(values, channel)[0]
    return on_grid.T if len(first.axes) == 1 else on_grid[-1].T


def _scales(fields: Sequence[Array]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Colours of all fields, by the truth's range, and of all errors, around 0."""
    truth, errors = fields[0], np.concatenate([np.abs(values - fields[0]).ravel() for values in fields[1:]])
    finite = errors[np.isfinite(errors)]
    largest = float(np.percentile(finite, _TOP)) if len(finite) else 1.0
    largest = largest or float(np.finfo(np.float32).tiny)
    return (
        {"cmap": FIELD_MAP, "vmin": float(truth.min()), "vmax": float(truth.max())},
        {"cmap": ERROR_MAP, "vmin": -largest, "vmax": largest},
    )


def _bar(figure: Figure, image: Any, axes: list[Axes], label: str) -> None:  # an AxesImage
    bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.04, aspect=18)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _label_axes(grid: list[list[Axes]], first: Predictions, flat: bool) -> None:
    names = [axis_label(first, axis) for axis in range(len(first.axes))]
    x, y = (TIME, names[0]) if flat else (names[0], names[1])
    for row in grid:
        for axes in row:
            axes.label_outer()
    grid[0][0].set_ylabel(y, fontsize=9)
    grid[0][0].tick_params(labelbottom=True)
    grid[0][0].set_xlabel(x, fontsize=9)
    for axes in grid[1][1:]:
        axes.set_xlabel(x, fontsize=9)
    grid[1][1].set_ylabel(y, fontsize=9)
    grid[1][1].tick_params(labelleft=True)


def _wrapped(name: str, width: int = 26) -> str:
    lines = [name[start : start + width] for start in range(0, len(name), width)]
    return "\n".join(lines[:2]) + ("…" if len(lines) > 2 else "")
