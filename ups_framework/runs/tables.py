"""The tables of a report, from `evaluation.json` and `audit.jsonl`."""

from collections.abc import Mapping, Sequence

from ups_framework.runs.page import table
from ups_framework.runs.records import Record

Rows = Mapping[str, Mapping[str, Record]]
"""`rows` of `evaluation.json`: row, horizon, metric."""


def number(value: float | None) -> str:
    """Three digits, and – for what was not finite or is not there."""
    if value is None:
        return "–"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.2e}"


def results_table(rows: Rows, horizon: str) -> str | None:
    """A row for the model and each reference, a column for each metric; None if no row has this horizon."""
    of_horizon = {name: row[horizon] for name, row in rows.items() if horizon in row}
    metrics = list(
        dict.fromkeys(name for row in of_horizon.values() for name in row if not isinstance(row[name], list | dict))
    )
    if not metrics:
        return None
    cells = {name: [number(row.get(metric)) for metric in metrics] for name, row in of_horizon.items()}
    return table(["", *metrics], cells, strong="model")


def comparison(rows: Rows) -> str:
    """One sentence: the model's nRMSE over the rollout as a multiple of that of each reference."""
    errors = {name: row["rollout"].get("nrmse") for name, row in rows.items() if "rollout" in row}
    model = errors.pop("model", None)
    if model is None:
        return "The model has no finite nRMSE over the rollout."
    ratios = [f"{model / error:.2g} × {name.replace('_', ' ')}" for name, error in errors.items() if error]
    return f"Over the rollout the model's nRMSE is {number(model)}" + (f": {', '.join(ratios)}." if ratios else ".")


def super_resolution_table(errors: Mapping[str, Mapping[str, float | None]]) -> str:
    """A row for each refinement of the training grid, with the ratio to the training grid's own error."""
    metrics = list(dict.fromkeys(name for row in errors.values() for name in row))
    base = errors.get("1", {}).get("nrmse")
    rows = {}
    for factor, row in errors.items():
        error = row.get("nrmse")
        ratio = "–" if error is None or not base else f"{error / base:.2f}"
        rows[f"{factor}×"] = [*(number(row.get(metric)) for metric in metrics), ratio]
    return table(["resolution", *metrics, "nrmse relative to 1×"], rows)


def audit_table(audits: Sequence[Record], stage: str) -> str:
    """The last audit of a stage: a row a term."""
    rows = [audit for audit in audits if audit["stage"] == stage][-1]["rows"]
    parts = list(dict.fromkeys(part for row in rows for part in row["gradient"]))
    cells = {row["term"]: _audit_cells(row, parts) for row in rows}
    return table(["term", "raw", "weighted", "share of gradient", *(f"gradient of {part}" for part in parts)], cells)


def _audit_cells(row: Record, parts: Sequence[str]) -> list[str]:
    share = "–" if row["share"] is None else f"{100 * row['share']:.1f} %"
    gradient = [number(row["gradient"].get(part)) for part in parts]
    return [number(row["raw"]), number(row["weighted"]), share, *gradient]
