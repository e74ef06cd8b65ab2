"""A rollout as a film: truth and prediction, and for fields the error, of the first saved test trajectory."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import PIL.Image
from matplotlib.figure import Figure

from ups_framework.runs.pictures import axis_label, channel_label, colour_scales, draw_field, edges
from ups_framework.runs.plot_style import INK, PALETTE, curve_axes, legend, panels
from ups_framework.runs.predictions import Array, Predictions

MOST_FRAMES = 20
"""Frames of a film."""

MILLISECONDS = 160
"""Between two frames."""

_DPI = 80

Show = Callable[[int], None]
"""Makes a figure show the frame of that number."""


def film(predictions: Predictions, channel: int) -> bytes | None:
    """An animated WebP of one channel: curves for one axis, images for two, else None."""
    begin = {1: _curves, 2: _images}.get(len(predictions.axes))
    if begin is None:
        return None
    truth, prediction = (predictions.on_grid(v[:1], channel)[0] for v in (predictions.truth, predictions.prediction))
    figure, show = begin(predictions, channel, truth, prediction)
    numbers = np.linspace(0, len(truth) - 1, min(len(truth), MOST_FRAMES)).round().astype(int)
    first, *others = _drawn(figure, show, [int(number) for number in numbers])
    file = io.BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=others, duration=MILLISECONDS, loop=0, quality=80, method=2)
    return file.getvalue()


def _drawn(figure: Figure, show: Show, numbers: list[int]) -> Iterator[PIL.Image.Image]:
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # what moves between frames is the field alone
    for number in numbers:
        show(number)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=_DPI, facecolor="white", pil_kwargs={"compress_level": 1})
        yield PIL.Image.open(file).convert("RGB")


def _curves(predictions: Predictions, channel: int, truth: Array, prediction: Array) -> tuple[Figure, Show]:
    figure, [[axes]] = panels(1, 1, (6.4, 3.4))
    x = predictions.x[0]
    axes.plot(x, truth[0], label="truth", color=INK, linewidth=2.4, alpha=0.55)
    [curve] = axes.plot(x, prediction[0], label="prediction", color=PALETTE[1], linewidth=1.4)
    margin = 0.08 * float(np.ptp(truth)) or 1.0
    axes.set_ylim(float(truth.min()) - margin, float(truth.max()) + margin)
    curve_axes(axes, x=axis_label(predictions, 0), y=channel_label(predictions, channel), title=_time(predictions, 0))
    legend(figure)

    def show(number: int) -> None:
        axes.lines[0].set_ydata(truth[number])
        curve.set_ydata(prediction[number])
        axes.set_title(_time(predictions, number), loc="left", fontsize=10, color=INK, fontweight="bold")

    return figure, show


def _images(predictions: Predictions, channel: int, truth: Array, prediction: Array) -> tuple[Figure, Show]:
    figure, [row] = panels(1, 3, (2.9, 2.8), share=True)
    fields = (truth, prediction, prediction - truth)
    extent = (*edges(predictions.x[0]), *edges(predictions.x[1]))
    looks = colour_scales(truth, prediction - truth)
    images = [
        draw_field(axes, values[-1].T, look, extent, aspect="equal")
        for axes, values, look in zip(row, fields, looks, strict=True)
    ]
    for axes, title in zip(row, ("truth", "prediction", "error"), strict=True):
        axes.set_title(title, fontsize=10, color=INK)
        axes.set_xlabel(axis_label(predictions, 0), fontsize=9)
    row[0].set_ylabel(axis_label(predictions, 1), fontsize=9)
    for image, label in ((images[1], channel_label(predictions, channel)), (images[2], "error")):
        figure.colorbar(image, ax=[image.axes], fraction=0.05, pad=0.03).set_label(label, fontsize=8)
    heading = figure.suptitle(_time(predictions, 0), fontsize=10, color=INK, fontweight="bold")

    def show(number: int) -> None:
        for image, values in zip(images, fields, strict=True):
            image.set_data(values[number].T)
        heading.set_text(_time(predictions, number))

    return figure, show


def _time(predictions: Predictions, number: int) -> str:
    return f"t = {predictions.t[number]:.3g}"
