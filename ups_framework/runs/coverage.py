"""Where a run looked: how often each point of the training grid was supervised."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import Int
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ups_framework.api import Grid
from ups_framework.errors import RunError
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.plot_style import FIELD_MAP, INK, PALETTE, curve_axes, panels

Counts = NDArray[np.int64]
"""One number a grid point, with one dimension an axis."""


def save_coverage(path: Path, counts: Int[Tensor, " N"], grid: Grid) -> None:
    """Write `coverage.npy`, whole or not at all."""
    file = io.BytesIO()
    np.save(file, counts.cpu().reshape(grid.shape).numpy())
    write_whole(path, file.getvalue())


def load_coverage(path: Path) -> Counts:
    """Read what `save_coverage` wrote; RunError if the file is damaged."""
    try:
        counts: Counts = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunError(f"{path}: cannot be read, or is damaged ({error})") from error
    return counts


def coverage_picture(counts: Counts) -> Figure | None:
    """Supervised times relative to their mean: a curve for one axis, an image for two, else None."""
    relative = counts / max(counts.mean(), 1e-12)
    if counts.ndim == 1:
        figure, [[axes]] = panels(1, 1, (7.0, 2.4))
        axes.step(np.arange(len(relative)), relative, where="mid", color=PALETTE[0], linewidth=1.2)
        axes.set_ylim(bottom=0)
        curve_axes(axes, x="grid point", y="times supervised / mean", title="")
        return figure
    if counts.ndim != 2:
        return None
    figure, [[axes]] = panels(1, 1, (4.4, 3.6))
    image = axes.imshow(relative.T, origin="lower", cmap=FIELD_MAP, vmin=0.0, interpolation="nearest")
    axes.set_xlabel("grid point along the first axis", fontsize=9, color=INK)
    axes.set_ylabel("grid point along the second axis", fontsize=9, color=INK)
    figure.colorbar(image, ax=axes).set_label("times supervised / mean", fontsize=8)
    return figure
