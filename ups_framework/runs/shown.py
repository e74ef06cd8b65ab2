"""What a run's records look like in Aim: few names, and contexts that tell series apart. Knows no Aim."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ups_framework.runs.gates import overall
from ups_framework.runs.records import Record

PER_FIELD = ("reconstruction.nrmse", "one_step.nrmse", "rollout.nrmse", "range_below", "range_above")
"""Values that come once for each field: `rollout.nrmse.velocity_x` is `rollout.nrmse` with a context that names it."""


@frozen(kw_only=True)
class Point:
    """One number of a series."""

    name: str
    """What is measured."""

    value: float
    """In the units of `metrics.jsonl`."""

    step: int
    """Training steps of the whole run; for `nrmse_by_step` the step of the rollout."""

    context: Mapping[str, str]
    """`stage`, `subset`, `term`, `value`, `field`, `part`, `row` and `horizon`, whichever apply."""


def of_metrics(record: Record) -> Iterator[Point]:
    """Values, and each loss term raw and weighted."""
    context = {"stage": record["stage"], "subset": record["subset"]}
    for name, value in record["values"].items():
        yield from _points(*_field_apart(name), value, record["step"], context)
    for term, kinds in record["terms"].items():
        for kind, value in kinds.items():
            yield from _points("loss", {"term": term, "value": kind}, value, record["step"], context)


def of_audit(record: Record) -> Iterator[Point]:
    """The share of each term, and the norm of its gradient in each part."""
    for row in record["rows"]:
        context = {"stage": record["stage"], "subset": "train", "term": row["term"]}
        yield from _points("share", {"value": "share"}, row["share"], record["step"], context)
        for part, norm in row["gradient"].items():
            yield from _points("gradient_norm", {"part": part}, norm, record["step"], context)


def of_evaluation(evaluation: Record, step: int) -> Iterator[Point]:
    """The metrics of all rows, nRMSE by field, and `nrmse_by_step` over the steps of the rollout."""
    for row, horizons in evaluation["rows"].items():
        for horizon, metrics in horizons.items():
            context = {"subset": "test", "row": row, "horizon": horizon}
            for name, value in metrics.items():
                if isinstance(value, int | float):  # a row also holds lists, tables and nulls
                    yield from _points(name, {}, value, step, context)
            for field, value in metrics.get("by_field", {}).items():
                yield from _points("nrmse", {"field": field}, value, step, context)
            for number, value in enumerate(metrics.get("by_step", ()), start=1):
                yield from _points("nrmse_by_step", {}, value, number, context)
    for factor, metrics in evaluation.get("super_resolution", {}).items():
        context = {"subset": "test", "row": "model", "resolution": f"{factor}x"}
        for name, value in metrics.items():
            yield from _points(name, {}, value, step, context)


def results(evaluation: Record, gates: Record) -> dict[str, Any]:  # plain values
    """The figures of a run that a table of runs shows: nRMSE of all rows, cost, and the verdicts on its gates."""
    rows = evaluation.get("rows", {})
    figures = {
        row: {horizon: metrics["nrmse"] for horizon, metrics in horizons.items() if metrics.get("nrmse") is not None}
        for row, horizons in rows.items()
    }
    cost = {name: value for name, value in evaluation.get("cost", {}).items() if value is not None}
    verdicts = {name: verdict["state"] for name, verdict in gates.get("gates", {}).items()}
    verdict = overall(list(verdicts.values())) or "no gates"
    return {"nrmse": figures, "cost": cost, "verdicts": verdicts, "verdict": verdict}


def _field_apart(name: str) -> tuple[str, dict[str, str]]:
    for series in PER_FIELD:
        if name.startswith(f"{series}."):
            return series, {"field": name.removeprefix(f"{series}.")}
    return name, {}


def _points(
    name: str, labels: Mapping[str, str], value: float | None, step: int, context: Mapping[str, str]
) -> Iterator[Point]:
    """The point, but none of a number that was not finite."""
    if value is not None:
        yield Point(name=name, value=float(value), step=step, context={**context, **labels})
