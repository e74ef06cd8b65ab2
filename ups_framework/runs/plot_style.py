"""How pictures look: one palette that the colour-blind can tell apart, light axes, PNG bytes out."""

import io
import math
from collections.abc import Sequence
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

T = TypeVar("T")

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#555555")
"""Okabe and Ito's colours, without yellow, which vanishes on white, and two more."""

DASHES = ("-", "--", ":", "-.")
INK = "#24313f"
"""Colour of text and of the truth."""

FIELD_MAP = "viridis"
ERROR_MAP = "RdBu_r"
MAX_POINTS = 1000
"""More points of one curve than this are thinned out."""


def panels(
    rows: int, columns: int, size: tuple[float, float], *, share: bool = False
) -> tuple[Figure, list[list[Axes]]]:
    """A figure with a grid of axes; `size` of one panel in inches, `share` for panels of the same extent."""
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share).tolist()


def curve_axes(axes: Axes, *, x: str, y: str, title: str) -> None:
    """Label and lighten the axes of a curve."""
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.set_title(title, loc="left", fontsize=10, color=INK, fontweight="bold")
    axes.grid(True, color="#e3e7ec", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", labelsize=8, colors="#4a5868")


def legend(figure: Figure) -> None:
    """One legend for all axes of the figure, to their right, where it hides nothing."""
    pairs = [pair for axes in figure.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    handles = {label: handle for handle, label in reversed(pairs)}
    names = list(dict.fromkeys(label for _, label in pairs))
    if names:
        shown = [handles[name] for name in names]
        figure.legend(shown, names, loc="outside right upper", frameon=False, fontsize=8.5)


def line_style(index: int) -> dict[str, str]:
    """Colour and dashes of the `index`-th curve: no two alike up to 32."""
    return {"color": PALETTE[index % len(PALETTE)], "linestyle": DASHES[index // len(PALETTE) % len(DASHES)]}


def thinned(points: Sequence[T]) -> list[T]:
    """At most MAX_POINTS of the points, the last one always."""
    stride = math.ceil(len(points) / MAX_POINTS) or 1
    return list(points[::-stride][::-1])


def png(figure: Figure, dpi: int = 130) -> bytes:
    """The figure as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, facecolor="white")
    return file.getvalue()
