"""A comparison of variants as tables of texts, and as plain values for JSON."""

from collections.abc import Sequence

from ups_framework.runs.bench_figures import MAIN
from ups_framework.runs.bench_rows import Comparison, Row

Table = tuple[list[str], list[list[str]]]
"""Columns and rows."""


def overview(comparison: Comparison, figures: Sequence[str] = MAIN) -> Table:
    """One row a variant: mean ± sd over seeds of some figures, each with its verdict beside the first variant."""
    rows = [
        [row.label, *(f"{mean_and_sd(row, figure)} {_verdict(row, figure)}".strip() for figure in figures)]
        for row in comparison.rows
    ]
    return ["variant", *figures], rows


def details(comparison: Comparison) -> Table:
    """One row for each figure and variant: mean ± sd, difference to the first variant, corrected p, verdict."""
    rows = []
    for figure in comparison.figures:
        for index, row in enumerate(comparison.rows):
            judged = row.judged.get(figure)
            cells = (
                ["", "", ""] if judged is None else [difference(comparison, row, figure), _p(judged.p), judged.verdict]
            )
            rows.append([figure if index == 0 else "", row.label, mean_and_sd(row, figure), *cells])
    return ["figure", "variant", "mean ± sd", "difference", "p", "verdict"], rows


def mean_and_sd(row: Row, figure: str) -> str:
    """`0.0123 ± 0.0004`; `–` for what is not there."""
    mean, sd = row.mean(figure), row.sd(figure)
    return number(mean) if sd is None else f"{number(mean)} ± {number(sd, digits=2)}"


def difference(comparison: Comparison, row: Row, figure: str) -> str:
    """`-0.0012 (-9.8 %)`: mean over seeds of the variant's less the first one's, and as part of the first one's."""
    judged, first = row.judged[figure], comparison.rows[0].mean(figure)
    if judged.difference is None:
        return "–"
    part = f" ({100 * judged.difference / first:+.1f} %)" if first else ""
    return f"{'+' if judged.difference >= 0 else ''}{number(judged.difference)}{part}"


def number(value: float | None, digits: int = 3) -> str:
    """So many digits; `–` for what is not there."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def as_plain(comparison: Comparison) -> dict[str, object]:
    """Everything, for JSON."""
    return {
        "seeds": list(comparison.seeds),
        "variants": [_plain_row(comparison, row) for row in comparison.rows],
        "same_weights": [list(pair) for pair in comparison.same_weights],
    }


def _plain_row(comparison: Comparison, row: Row) -> dict[str, object]:
    figures = {}
    for name in comparison.figures:
        judged = row.judged.get(name)
        beside = {} if judged is None else {"difference": judged.difference, "p": judged.p, "verdict": judged.verdict}
        figures[name] = {"mean": row.mean(name), "sd": row.sd(name), "values": list(row.values[name]), **beside}
    folders = [str(folder) for folder in row.folders]
    return {"label": row.label, "folders": folders, "failures": list(row.failures), "figures": figures}


def _verdict(row: Row, figure: str) -> str:
    judged = row.judged.get(figure)
    return "" if judged is None else f"({judged.verdict})"


def _p(p: float | None) -> str:
    if p is None:
        return "–"
    return f"{p:.3f}" if p >= 0.0005 else "< 0.001"
