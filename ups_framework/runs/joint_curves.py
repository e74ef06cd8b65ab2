"""Curves over several recipes: error against cost, over the rollout, and energy spectra, as matplotlib figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from ups_framework.runs.entrants import Entrant
from ups_framework.runs.pictures import SPECTRUM_RANGE
from ups_framework.runs.plot_style import DASHES, INK, PALETTE, curve_axes, legend, panels
from ups_framework.runs.predictions import Predictions
from ups_framework.runs.run_record import RunRecord
from ups_framework.runs.spectra import energy_spectrum

COSTS = {
    "train_seconds": "training time [s]",
    "parameters": "parameters",
    "peak_memory_mib": "peak memory [MiB]",
}
"""Costs that error is drawn against, and their axes."""

_ALIKE = 1.2
"""Costs whose largest is not more than this times their smallest tell recipes not apart."""

_NEAR = 4.0
"""A reference that is more than this times above or below all recipes is left to the table: it would flatten them."""
_MARKERS = "osD^vP*X"
_REFERENCE = "#9aa5b1"

References = Mapping[str, RunRecord]


def mark(index: int) -> dict[str, Any]:  # keyword arguments of matplotlib
    """Colour, dashes and marker of a recipe, the same in all pictures and no two alike up to 32."""
    dashes, marker = DASHES[index // len(PALETTE) % len(DASHES)], _MARKERS[(index + index // 8) % len(_MARKERS)]
    return {"color": PALETTE[index % len(PALETTE)], "linestyle": dashes, "marker": marker}


def pareto(entrants: Sequence[Entrant], references: References) -> Figure | None:
    """Rollout nRMSE against the costs that tell the recipes apart; a line joins those that no other beats in both."""
    costs = _telling_costs(entrants)
    if not costs:
        return None
    figure, [row] = panels(1, len(costs), (6.4, 4.0) if len(costs) == 1 else (4.0, 3.8))
    for axes, cost in zip(row, costs, strict=True):
        points = [(each.cost(cost), each.spread("rollout")[0]) for each in entrants]
        for each, (x, y) in zip(entrants, points, strict=True):
            if x is not None and y is not None:
                style = {**mark(each.index), "linestyle": ""}
                sd = each.spread("rollout")[1]
                axes.errorbar(x, y, yerr=sd or None, label=each.name, capsize=3, markersize=7, **style)
        _front(axes, [(x, y) for x, y in points if x is not None and y is not None])
        _reference_lines(axes, references, [y for _, y in points if y is not None])
        curve_axes(axes, x=COSTS[cost], y="", title="")
        _logarithmic(axes)
    row[0].set_ylabel("nRMSE of the rollout (dimensionless)", fontsize=9, color=INK)
    legend(figure)
    return figure


def errors_over_time(entrants: Sequence[Entrant], references: References) -> Figure | None:
    """nRMSE at each step of the rollout: means over seeds, bands of one standard deviation, references in grey."""
    curves = [(each, steps) for each in entrants if (steps := each.by_step()) is not None]
    if not curves:
        return None
    figure, [[axes]] = panels(1, 1, (9.0, 4.0))
    for each, steps in curves:
        number = np.arange(1, steps.shape[1] + 1)
        mean = steps.mean(0)
        every = max(1, len(number) // 12)
        axes.plot(number, mean, label=each.name, linewidth=1.6, markersize=4, markevery=every, **mark(each.index))
        if len(steps) > 1:
            sd = steps.std(0, ddof=1)
            lower = np.maximum(mean - sd, mean / 10)  # an axis of logarithms has no zero
            axes.fill_between(number, lower, mean + sd, color=PALETTE[each.index % len(PALETTE)], alpha=0.15, lw=0)
    for index, (name, run) in enumerate(references.items()):
        errors = run.evaluation["rows"][name].get("rollout", {}).get("by_step")
        if errors:
            style: dict[str, Any] = {"color": _REFERENCE, "linestyle": DASHES[index % len(DASHES)]}
            values = np.array(errors, dtype=np.float64)
            axes.plot(np.arange(1, len(values) + 1), values, label=name, linewidth=1.3, **style)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    curve_axes(
        axes, x="rollout step (1 step = dt of the data)", y="nRMSE (dimensionless)", title="Error over the rollout"
    )
    legend(figure)
    return figure


def joint_spectra(entrants: Sequence[Entrant], channel: int) -> Figure | None:
    """Energy spectra of the truth and of all predictions of one channel, half-way and at the end of the rollout."""
    shown = with_same_truth(entrants)
    if not shown:
        return None
    first = _predictions(shown[0])
    times = sorted({len(first.t) // 2, len(first.t) - 1})
    figure, [row] = panels(1, len(times), (4.6, 3.8), share=True)
    for axes, time in zip(row, times, strict=True):
        _spectrum(axes, first, first.truth, channel, time, {"label": "truth", "color": INK, "lw": 3, "alpha": 0.45})
        for each in shown:
            style = {**mark(each.index), "marker": "", "label": each.name, "lw": 1.4}
            _spectrum(axes, first, _predictions(each).prediction, channel, time, style)
        curve_axes(axes, x="wavenumber k [cycles per domain]", y="", title=f"t = {first.t[time]:.3g}")
    unit = first.channel_units[channel]
    of = "" if unit == "1" else f" [({unit})²]"
    row[0].set_ylabel(f"energy E(k) of {first.channels[channel]}{of}", fontsize=9, color=INK)
    row[0].set_ylim(bottom=SPECTRUM_RANGE * max(row[0].get_ylim()))
    legend(figure)
    return figure


def with_same_truth(entrants: Sequence[Entrant]) -> list[Entrant]:
    """The recipes whose saved predictions are of the same test trajectories as the first one's that has some."""
    have = [each for each in entrants if each.predictions is not None]
    return [each for each in have if _same(_predictions(have[0]), _predictions(each))]


def _same(a: Predictions, b: Predictions) -> bool:
    return a.truth.shape == b.truth.shape and np.allclose(a.truth, b.truth) and a.channels == b.channels


def _predictions(entrant: Entrant) -> Predictions:
    assert entrant.predictions is not None
    return entrant.predictions


def _spectrum(
    axes: Axes, first: Predictions, values: Any, channel: int, time: int, style: Mapping[str, Any]
) -> None:  # keyword arguments of matplotlib
    energy = energy_spectrum(first.on_grid(values, channel)[:, time], len(first.axes))[1:]
    axes.loglog(np.arange(1, len(energy) + 1), np.where(energy > 0, energy, np.nan), **style)


def _telling_costs(entrants: Sequence[Entrant]) -> list[str]:
    """Costs that differ between the recipes; the training time where none does."""
    found = {name: [value for each in entrants if (value := each.cost(name)) is not None] for name in COSTS}
    telling = [name for name, values in found.items() if len(values) > 1 and max(values) > _ALIKE * min(values)]
    return telling or [name for name in ("train_seconds",) if found[name]]


def _front(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """A line through the points that no other beats in both."""
    front: list[tuple[float, float]] = []
    for point in sorted(points):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    if len(front) > 1:
        axes.plot(*zip(*front, strict=True), color=INK, linewidth=1.0, alpha=0.5, zorder=1, label="best for its cost")


def _reference_lines(axes: Axes, references: References, errors: Sequence[float]) -> None:
    for index, (name, run) in enumerate(references.items()):
        value = run.metric("rollout", row=name)
        if value and errors and min(errors) / _NEAR < value < _NEAR * max(errors):
            style: dict[str, Any] = {"color": _REFERENCE, "linestyle": DASHES[index % len(DASHES)]}
            axes.axhline(value, linewidth=1.3, label=name, zorder=0.9, **style)


def _logarithmic(axes: Axes) -> None:
    """Both axes in logarithms, with some five numbers that a reader need not raise to a power."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        digits = (1.0, 2.0, 5.0) if high / low > 10 else (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
        axis.set_major_locator(LogLocator(subs=digits))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_locator(NullLocator())
