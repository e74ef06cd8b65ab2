"""Singular values of the latents as training goes on: how many directions the encoder uses."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from ups_framework.runs.plot_style import FIELD_MAP, curve_axes, legend, panels
from ups_framework.runs.records import Record

MOST_CURVES = 8
"""Validations that are drawn, spread evenly, the last one always."""

_SMALLEST = 1e-6
"""Relative to the largest: smaller ones are rounding."""


def singular_values(records: Sequence[Record]) -> Figure | None:
    """One curve a validation, from dark to light; None if nothing was validated or all latents are one."""
    found = [r for r in records if r["of"] == "latent" and (r["singular_values"] or [0.0])[0]]
    if not found:
        return None
    chosen = sorted({round(index) for index in np.linspace(0, len(found) - 1, min(len(found), MOST_CURVES))})
    figure, [[axes]] = panels(1, 1, (7.0, 3.4))
    for place, index in enumerate(chosen):
        sizes = np.array(found[index]["singular_values"], dtype=float)
        shown = np.where(sizes > _SMALLEST * sizes[0], sizes, np.nan)
        colour = colormaps[FIELD_MAP](0.9 * place / max(1, len(chosen) - 1))
        label = f"step {found[index]['step']:,}"
        axes.semilogy(np.arange(1, len(sizes) + 1), shown, color=colour, marker=".", linewidth=1.2, label=label)
    curve_axes(axes, x="number", y="singular value", title="Singular values of the tokens of a few validation fields")
    legend(figure)
    return figure
