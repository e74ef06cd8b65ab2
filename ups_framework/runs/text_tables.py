"""Tables of a run as plain text, which Aim shows monospaced and, where it is told to, as Markdown."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from ups_framework.runs.records import Record


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, padded so that it is a table without Markdown too."""
    widths = [max(map(len, column)) for column in zip_longest(columns, *rows, fillvalue="")]
    lines = [columns, ["-" * width for width in widths], *rows]
    cells = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def results_text(rows: Mapping[str, Mapping[str, Record]]) -> str:
    """All metrics of the model and of the reference rows, one step and over the rollout."""
    metrics = [
        (horizon, name)
        for horizon in ("one_step", "rollout")
        for name in dict.fromkeys(
            name for row in rows.values() for name, value in row.get(horizon, {}).items() if _is_number(value)
        )
    ]
    columns = ["row", *(f"{horizon}.{name}" for horizon, name in metrics)]
    cells = [
        [row, *(_number(horizons.get(horizon, {}).get(name)) for horizon, name in metrics)]
        for row, horizons in rows.items()
    ]
    return text_table(columns, cells)


def audit_text(audit: Record) -> str:
    """What each term weighs, and where its gradient goes."""
    parts = list(dict.fromkeys(part for row in audit["rows"] for part in row["gradient"]))
    columns = ["term", "raw", "weighted", "share", *(f"gradient of {part}" for part in parts)]
    cells = [
        [
            row["term"],
            *(_number(row[name]) for name in ("raw", "weighted", "share")),
            *(_number(row["gradient"].get(part)) for part in parts),
        ]
        for row in audit["rows"]
    ]
    return text_table(columns, cells)


def gates_text(gates: Record) -> str:
    """What the recipe asks for, and whether it is reached."""
    rows = [
        [name, gate["metric"], gate["rule"], _number(gate["value"]), gate["state"], gate["reason"]]
        for name, gate in gates["gates"].items()
    ]
    return text_table(["gate", "metric", "asked for", "value", "verdict", "why"], rows)


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
