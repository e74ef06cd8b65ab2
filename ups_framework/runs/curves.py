"""Curves of a run over training steps and over the time of a rollout, as matplotlib figures."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ups_framework.runs.plot_style import INK, curve_axes, legend, line_style, panels, thinned
from ups_framework.runs.records import Record

Point = tuple[str, int, float | None]
"""Stage, step and value."""

STEP = "training step"


def loss_curves(records: Sequence[Record]) -> Figure | None:
    """Each loss term over the training steps, raw and as it enters the total; None without training records."""
    train = [record for record in records if record["subset"] == "train"]
    if not train:
        return None
    figure, [[left, right]] = panels(1, 2, (5.4, 3.5))
    terms = _in_order(term for record in train for term in record["terms"])
    for axes, kind in ((left, "raw"), (right, "weighted")):
        for index, term in enumerate(terms):
            points = [(r["stage"], r["step"], r["terms"][term][kind]) for r in train if term in r["terms"]]
            draw(axes, points, label=term, **line_style(index))
    totals = [(r["stage"], r["step"], r["values"]["loss"]) for r in train if "loss" in r["values"]]
    draw(right, totals, label="total", color=INK, linewidth=1.8, zorder=1)
    for axes, title in ((left, "Loss terms, raw"), (right, "Loss terms, weighted")):
        finish(axes, stage_starts(records), y="loss", title=title)
    legend(figure)
    return figure


def validation_curve(records: Sequence[Record]) -> Figure | None:
    """Validation errors over the training steps; None if nothing was validated."""
    validation = [record for record in records if record["subset"] == "validation"]
    if not validation:
        return None
    figure, [[axes]] = panels(1, 1, (9.0, 3.2))
    names = _in_order(name for record in validation for name in record["values"] if name.endswith("nrmse"))
    for index, name in enumerate(names):
        points = [(r["stage"], r["step"], r["values"][name]) for r in validation if name in r["values"]]
        draw(axes, points, label=name, marker="o", markersize=3, **line_style(index))
    finish(axes, stage_starts(records), y="error", title="Validation, in physical space")
    legend(figure)
    return figure


def gradient_shares(audits: Sequence[Record]) -> Figure | None:
    """Share of each term in the gradient over the training steps, and the 1 % it should have; None without audits."""
    if not audits:
        return None
    figure, [[axes]] = panels(1, 1, (9.0, 3.2))
    for index, term in enumerate(_in_order(row["term"] for audit in audits for row in audit["rows"])):
        rows = [(audit, row["share"]) for audit in audits for row in audit["rows"] if row["term"] == term]
        points = [(a["stage"], a["step"], None if share is None else 100 * share) for a, share in rows]
        draw(axes, points, label=term, marker="o", markersize=3, **line_style(index))
    axes.axhline(1.0, color="#9aa5b1", linewidth=1.0, linestyle=(0, (4, 3)), label="1 % (warning below)")
    starts: dict[str, int] = {}
    for audit in audits:
        starts.setdefault(audit["stage"], audit["step"])  # each stage begins with an audit
    finish(axes, starts, y="share of the gradient [%]", title="What each term contributes")
    legend(figure)
    return figure


def rollout_errors(rows: Mapping[str, Mapping[str, Record]]) -> Figure | None:
    """nRMSE of the model and of the references at each step of the rollout; None if no row has it."""
    curves = {name: row["rollout"]["by_step"] for name, row in rows.items() if "by_step" in row.get("rollout", {})}
    if not curves:
        return None
    figure, [[axes]] = panels(1, 1, (9.0, 3.6))
    for index, (name, errors) in enumerate(curves.items()):
        width = 2.4 if name == "model" else 1.3
        points = [("", step, error) for step, error in enumerate(errors, start=1)]
        draw(axes, points, label=name, linewidth=width, **line_style(index))
    finish(
        axes, {}, y="nRMSE (dimensionless)", title="Error over the rollout", x="rollout step (1 step = dt of the data)"
    )
    legend(figure)
    return figure


def draw(axes: Axes, points: Sequence[Point], **style: Any) -> None:
    """Draw a curve: what is no positive number leaves a gap, and so does the end of a stage.

    `style` goes to `Axes.plot`.
    """
    steps: list[int] = []
    shown: list[float] = []
    before = None
    for stage, step, value in thinned(points):
        if before not in (None, stage):
            steps.append(step)
            shown.append(math.nan)
        steps.append(step)
        shown.append(value if value is not None and value > 0 else math.nan)
        before = stage
    if any(math.isfinite(value) for value in shown):
        axes.plot(steps, shown, **{"linewidth": 1.3, **style})


def finish(
    axes: Axes,
    starts: Mapping[str, int],
    *,
    y: str,
    title: str,
    x: str = STEP,
    scale: Literal["linear", "log"] = "log",
) -> None:
    """Label the axes of curves and mark where stages begin."""
    if axes.lines:
        axes.set_yscale(scale)
    curve_axes(axes, x=x, y=y, title=title)
    _mark_stages(axes, starts)


def _mark_stages(axes: Axes, starts: Mapping[str, int]) -> None:
    """A thin line where each stage begins, and its name, each on a height of its own so that none hides another."""
    for index, (stage, start) in enumerate(starts.items()):
        axes.axvline(start, color="#9aa5b1", linewidth=0.8, zorder=0.8)  # above the grid
        height = 3 + 9 * (len(starts) - 1 - index)
        name = axes.annotate(stage, (start, 0.0), (3, height), axes.get_xaxis_transform(), "offset points")
        name.set(fontsize=7, color="#7a8794")


def stage_starts(records: Sequence[Record]) -> dict[str, int]:
    """The step at which each stage begins, which is where the one before ended: records come only after steps."""
    starts: dict[str, int] = {}
    end = 0
    for record in records:
        starts.setdefault(record["stage"], end)
        end = max(end, record["step"])
    return starts


def _in_order(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
