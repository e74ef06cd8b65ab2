"""Fields of a few test trajectories: truth, prediction and error, and their spectra, as matplotlib figures."""

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ups_framework.runs.plot_style import ERROR_MAP, FIELD_MAP, INK, PALETTE, curve_axes, legend, panels
from ups_framework.runs.predictions import Array, Predictions
from ups_framework.runs.spectra import energy_spectrum

Scale = dict[str, Any]  # keyword arguments of imshow, of several types

TIME = "time t"
NUM_SAMPLES = 3
"""Trajectories in a space–time picture."""

NUM_FRAMES = 4
"""Times in a picture of frames and in one of spectra."""

SPECTRUM_RANGE = 1e-10
"""Energies below this share of the largest are rounding errors and are cut off."""


def field_pictures(predictions: Predictions, channel: int) -> Figure | None:
    """Truth, prediction and error of one channel: over space and time for one axis, as frames for two, else None."""
    drawn = {1: _space_time, 2: _frames}.get(len(predictions.axes))
    return drawn(predictions, channel) if drawn else None


def spectra(predictions: Predictions, channel: int) -> Figure:
    """Energy spectra of truth and prediction of one channel at a few times, averaged over the trajectories."""
    times = _some_times(predictions)
    figure, [row] = panels(1, len(times), (3.1, 3.0), share=True)
    name, unit = predictions.channels[channel], predictions.channel_units[channel]
    for axes, time in zip(row, times, strict=True):
        for values, label, style in (
            (predictions.truth, "truth", {"color": INK, "linewidth": 2.2, "alpha": 0.55}),
            (predictions.prediction, "prediction", {"color": PALETTE[1], "linewidth": 1.3}),
        ):
            energy = energy_spectrum(predictions.on_grid(values, channel)[:, time], len(predictions.axes))[1:]
            axes.loglog(np.arange(1, len(energy) + 1), np.where(energy > 0, energy, np.nan), label=label, **style)
        title = f"t = {predictions.t[time]:.3g}"
        curve_axes(axes, x="wavenumber k [cycles per domain]", y="", title=title)
    row[0].set_ylabel(_with_unit(f"energy E(k) of {name}", _squared(unit)), fontsize=9, color=INK)
    row[0].set_ylim(bottom=SPECTRUM_RANGE * max(row[0].get_ylim()))
    legend(figure)
    return figure


def _space_time(predictions: Predictions, channel: int) -> Figure:
    """Time to the right, space upwards; a row a trajectory."""
    truth, prediction = (values[:NUM_SAMPLES] for values in _both(predictions, channel))
    figure, grid = panels(len(truth), 3, (3.6, 2.3), share=True)
    extent = (*edges(predictions.t), *edges(predictions.x[0]))
    for row, true, predicted in zip(grid, truth, prediction, strict=True):
        scales = colour_scales(true, predicted - true)
        images = [true.T, predicted.T, (predicted - true).T]
        drawn = [draw_field(*each, extent) for each in zip(row, images, scales, strict=True)]
        _bar(figure, drawn[1], row[:2], channel_label(predictions, channel))
        _bar(figure, drawn[2], row[2:], f"error of {channel_label(predictions, channel)}")
        row[0].set_ylabel(axis_label(predictions, 0), fontsize=9)
    for axes, title in zip(grid[0], ("truth", "prediction", "error (prediction − truth)"), strict=True):
        axes.set_title(title, fontsize=10, color=INK, fontweight="bold")
    for axes in grid[-1]:
        axes.set_xlabel(TIME, fontsize=9)
    return figure


def _frames(predictions: Predictions, channel: int) -> Figure:
    """A column a time, the rows truth, prediction and error, of the first trajectory."""
    truth, prediction = (values[0] for values in _both(predictions, channel))
    times = _some_times(predictions)
    figure, grid = panels(3, len(times), (2.5, 2.3), share=True)
    extent = (*edges(predictions.x[0]), *edges(predictions.x[1]))
    rows = zip(("truth", "prediction", "error"), (truth, prediction, prediction - truth), strict=True)
    for row, (title, values), scale in zip(grid, rows, colour_scales(truth, prediction - truth), strict=True):
        for axes, time in zip(row, times, strict=True):
            drawn = draw_field(axes, values[time].T, scale, extent, aspect="equal")
        _bar(figure, drawn, row, channel_label(predictions, channel))
        row[0].set_ylabel(f"{title}\n{axis_label(predictions, 1)}", fontsize=9)
    for top, bottom, time in zip(grid[0], grid[-1], times, strict=True):
        top.set_title(f"t = {predictions.t[time]:.3g}", fontsize=10, color=INK, fontweight="bold")
        bottom.set_xlabel(axis_label(predictions, 0), fontsize=9)
    return figure


def _both(predictions: Predictions, channel: int) -> tuple[Array, Array]:
    """Truth and prediction of one channel, (S, T, *grid)."""
    truth, prediction = (predictions.on_grid(v, channel) for v in (predictions.truth, predictions.prediction))
    return truth, prediction


def colour_scales(truth: Array, error: Array) -> list[Scale]:
    """Colours of truth and prediction, one scale for both, and of the error, around 0."""
    finite = np.abs(error[np.isfinite(error)])
    largest = float(finite.max(initial=np.finfo(np.float32).tiny))
    field: Scale = {"cmap": FIELD_MAP, "vmin": float(truth.min()), "vmax": float(truth.max())}
    return [field, field, {"cmap": ERROR_MAP, "vmin": -largest, "vmax": largest}]


def draw_field(
    axes: Axes,
    image: Array,
    scale: Scale,
    extent: tuple[float, float, float, float],
    aspect: Literal["auto", "equal"] = "auto",
) -> AxesImage:
    """Show values with the first index upwards, a pixel a value."""
    axes.tick_params(labelsize=8)
    return axes.imshow(image, origin="lower", extent=extent, aspect=aspect, interpolation="nearest", **scale)


def _bar(figure: Figure, image: AxesImage, axes: list[Axes], label: str) -> None:
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.05)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _some_times(predictions: Predictions) -> list[int]:
    last = len(predictions.t) - 1
    return sorted({round(last * share) for share in np.linspace(0, 1, NUM_FRAMES)})


def edges(coordinates: Array) -> tuple[float, float]:
    """Outer edges of the cells around equally spaced coordinates."""
    half = (coordinates[-1] - coordinates[0]) / max(len(coordinates) - 1, 1) / 2 or 0.5
    return float(coordinates[0] - half), float(coordinates[-1] + half)


def axis_label(predictions: Predictions, axis: int) -> str:
    """Name and unit of an axis of space."""
    return _with_unit(predictions.axes[axis], predictions.axis_units[axis])


def channel_label(predictions: Predictions, channel: int) -> str:
    """Name and unit of a channel."""
    return _with_unit(predictions.channels[channel], predictions.channel_units[channel])


def _with_unit(name: str, unit: str) -> str:
    """The name alone where the unit is 1."""
    return name if unit == "1" else f"{name} [{unit}]"


def _squared(unit: str) -> str:
    return "1" if unit == "1" else f"({unit})²"
