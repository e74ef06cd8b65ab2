"""The boards as one page that opens anywhere without a network."""

from collections.abc import Sequence
from html import escape

from ups_framework.runs import page
from ups_framework.runs.board import COSTS, Board, Entry, Spread
from ups_framework.runs.tables import number

COST_COLUMNS = {
    "parameters": "parameters",
    "train_seconds": "training s",
    "seconds_per_step": "ms a step",
    "peak_memory_mib": "peak MiB",
}
"""What tables call the costs."""

COLUMNS = ("rollout nRMSE", "one-step nRMSE", "× best reference", "seeds", *(COST_COLUMNS[cost] for cost in COSTS))
"""Of a board's table, after the name."""

_WIDEST_BAR = 60
"""Pixels of the largest error on a board."""


def cells(board: Board, entry: Entry) -> list[str]:
    """The texts of an entry's or a reference's row."""
    ratio = board.beside_references(entry)
    seeds = str(len(entry.runs)) if entry.runs else ""
    costs = [_cost(name, entry.costs.get(name)) if entry.runs else "" for name in COSTS]
    return [spread(entry.rollout), spread(entry.one_step), "–" if ratio is None else f"{ratio:.3g}", seeds, *costs]


def spread(value: Spread) -> str:
    """Mean, and ± sd where there are several seeds."""
    return number(value.mean) if value.sd is None else f"{number(value.mean)} ± {value.sd:.2g}"


def board_page(found: Sequence[Board]) -> bytes:
    """The whole page; the same for the same runs."""
    runs = sum(len(entry.runs) for board in found for entry in board.entries)
    facts = {"boards": str(len(found)), "recipes": str(sum(len(board.entries) for board in found)), "runs": str(runs)}
    parts = [page.header("Board", "ups · neural simulators of physics · best runs", facts)]
    parts += [_section(index, board) for index, board in enumerate(found, start=1)]
    return page.page("Board of runs", parts or [page.missing("No run has results yet.")]).encode()


def _section(index: int, board: Board) -> str:
    explained = (
        "nRMSE on the test data, mean ± sd over seeds, the best first. Reference rows are in italics, and the ratio is "
        "that to the best of them. Costs are means over seeds."
    )
    protocol = "\n".join(f"{key}: {value}" for key, value in board.protocol.items())
    parts = [page.paragraph(explained), _table(board), page.folded("Protocol", protocol)]
    return page.section(f"board-{index}", board.title, parts)


def _table(board: Board) -> str:
    head = "".join(page.column_head(column) for column in ("", "", *COLUMNS))
    largest = max((e.rollout.mean or 0.0 for e in (*board.entries, *board.references)), default=0.0)
    rows = [_row(board, entry, largest, "strong" if rank == 0 else "") for rank, entry in enumerate(board.entries)]
    rows += [_row(board, entry, largest, "soft") for entry in board.references]
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _row(board: Board, entry: Entry, largest: float, kind: str) -> str:
    width = round(_WIDEST_BAR * (entry.rollout.mean or 0.0) / largest) if largest else 0
    title = escape(entry.description or "reference row")
    content = "".join(f"<td>{escape(cell)}</td>" for cell in cells(board, entry))
    name = f'<th scope="row" title="{title}">{escape(entry.name)}</th>'
    bar = f'<td style="text-align:left"><span class="bar" style="width:{width}px"></span></td>'
    return f'<tr class="{kind}">{name}{bar}{content}</tr>'


def _cost(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if name == "parameters" else number(1000 * value if name == "seconds_per_step" else value)
