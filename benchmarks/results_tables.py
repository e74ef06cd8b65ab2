"""The record of a table as Markdown, for the page of results and for the terminal."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ups_framework.runs.bench_tables import number

Plain = Mapping[str, Any]  # JSON is any tree of plain values

ON_GPU = "_gpu"
"""What the name of a table's file ends in that was made on a GPU, where recipes are of another size."""

_COSTS = {"training s": "training, s", "ms a step": "ms a step", "peak MiB": "peak MiB"}
_REFERENCES = {"data_floor": "data floor: its solver at twice the resolution"}
_VERDICTS = {"better": " (**better**)", "worse": " (**worse**)", "within noise": " (within noise)"}
_EQUAL = 0.1
"""How far training times may be apart and be called equal."""


def table_text(record: Plain) -> str:
    """How it was made, its rows, and which goals are reached."""
    columns = {name: name for name in record["shown"]} | _COSTS
    lines = [
        f"| | parameters | {' | '.join(columns.values())} |",
        f"|---|---|{'---|' * len(columns)}",
        *(_row(entry, columns, record) for entry in record["entries"].values()),
        *(_quoted(_REFERENCES.get(name, name), row, columns) for name, row in record["references"].items()),
        *(_quoted(f"*{anchor['label']}* [{n}]", anchor["figures"], columns) for n, anchor in _numbered(record)),
    ]
    return "\n".join([_made(record), "", *lines, "", *_notes(record)]) + "\n"


def figure_key(name: str) -> str:
    """`one_step_nrmse` for `one-step nrmse`, `2x_finer_nrmse` for `2× finer nrmse`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower().replace("×", "x")).strip("_")


def _made(record: Plain) -> str:
    """Command, code, machine, seeds and data in a sentence or two."""
    seeds = ", ".join(map(str, record["seeds"]))
    made = f"`{record['command']}`: code {record['code']}, torch {record['torch']}, {record['hardware']}, "
    made += f"{'seeds' if len(record['seeds']) > 1 else 'seed'} {seeds}, {record['date']}. "
    protocol = record["protocol"]
    if not protocol:
        return f"{made}Nothing was trained."
    counts = (
        f"{protocol['train']} training, {protocol['validation']} validation and {protocol['test']} test trajectories"
    )
    return (
        f"{made}{counts}; {protocol['predicted']} frames predicted after {protocol['context']}. Mean ± sd over seeds."
    )


def _row(entry: Plain, columns: Mapping[str, str], record: Plain) -> str:
    label = entry["label"]
    if entry["missing"] or entry["failures"]:
        why = entry["missing"] or f"failed: {entry['failures'][0]}"
        return f"| {label} | {why.replace('|', '/')} |{' |' * len(columns)}"
    figures = entry["figures"]
    cells = [_cell(figures.get(figure_key(name)), verdict=name in record["shown"]) for name in columns]
    if record["time_of"]:
        label += f", {', '.join(f'{steps:,}' for steps in entry['steps'].values())} steps"
    return f"| {label} | {figures['parameters']['mean']:,.0f} | {' | '.join(cells)} |"


def _cell(figure: Plain | None, *, verdict: bool) -> str:
    """`0.0123 ± 0.0004 (**better**)`."""
    if figure is None:
        return "–"
    sd = f" ± {number(figure['sd'], digits=2)}" if figure["sd"] else ""
    said = figure.get("verdict") if verdict else None
    return f"{number(figure['mean'])}{sd}{_VERDICTS.get(said or '', '')}"


def _quoted(label: str, figures: Plain, columns: Mapping[str, str]) -> str:
    """A row of single figures."""
    cells = [number(figures.get(figure_key(name))) for name in columns]
    return f"| {label.replace('_', ' ')} | – | {' | '.join(cells)} |"


def _numbered(record: Plain) -> Iterator[tuple[int, Plain]]:
    """Each anchor with the number of its source."""
    sources = list(dict.fromkeys(anchor["source"] for anchor in record["anchors"]))
    for anchor in record["anchors"]:
        yield sources.index(anchor["source"]) + 1, anchor


def _notes(record: Plain) -> Iterator[str]:
    """Sources of what is quoted, times that are not equal, and the goals."""
    sources = dict(sorted({n: anchor["source"] for n, anchor in _numbered(record)}.items()))
    if sources:
        yield f"Quoted: {'; '.join(f'[{n}] {source}' for n, source in sources.items())}."
        yield ""
    if record["time_of"]:
        yield _times(record)
        yield ""
    figures = [figure for entry in record["entries"].values() for figure in entry["figures"].values()]
    if any(figure.get("verdict") in _VERDICTS for figure in figures):
        yield f"Verdicts: beside {record['verdicts_beside']}, by a paired t-test over seeds."
        yield ""
    yield from (_goal(goal) for goal in record["goals"])


def _times(record: Plain) -> str:
    """Which trainings took another time than the one that all should take."""
    entries = record["entries"]
    seconds = {
        name: figure["mean"] for name, entry in entries.items() if (figure := entry["figures"].get("training_s"))
    }
    whole, title = seconds.get(record["time_of"]), entries[record["time_of"]]["label"]
    if whole is None:
        return f"No training time of {title}."
    ratios = {name: own / whole for name, own in seconds.items() if own is not None}
    off = [f"{entries[name]['label']} ×{ratio:.2f}" for name, ratio in ratios.items() if abs(ratio - 1) > _EQUAL]
    return f"Training times beside that of {title}: {'; '.join(off) if off else 'all within a tenth'}."


def _goal(goal: Plain) -> str:
    """`- Goal: rollout nrmse of ours below that of FNO (0.03): reached, 0.02 by ours.`"""
    below = "" if goal["below"] is None else number(goal["below"])
    asked = f"{goal['figure']}{' of ' + goal['entry'] if goal['entry'] else ''} below "
    asked += f"that of {goal['than']}{below and f' ({below})'}" if goal["than"] else below
    if goal["most_parameters"] is not None:
        asked += f" with at most {goal['most_parameters']:,} parameters"
    if goal["reached"] is None:
        return f"- Goal: {asked}: not measured."
    found = f"{number(goal['value'])} by {goal['best']}"
    return f"- Goal: {asked}: {'reached' if goal['reached'] else 'not reached'}, {found}."
