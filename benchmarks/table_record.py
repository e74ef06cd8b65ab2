"""What a table's runs found as plain values: the form of `results/NAME.json`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen
from equal_time import Pace
from results_tables import figure_key
from tables_list import Entry, Goal, Table

from ups_framework.errors import RunError
from ups_framework.runs.bench import compare
from ups_framework.runs.bench_figures import HORIZONS, Figures, figures_of
from ups_framework.runs.bench_jobs import is_done
from ups_framework.runs.bench_plan import Trial
from ups_framework.runs.bench_rows import Comparison, Row
from ups_framework.runs.environment import code_in_words
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.protocols import canonical
from ups_framework.runs.records import Record, read_json

PARAMETERS = "parameters"
FLOOR = "data_floor"
"""The reference row of the data itself: its solver at twice the resolution beside it."""

_OWN_ROWS = ("model", "reconstruction")
"""Rows of an evaluation that are the model's."""


@frozen(kw_only=True)
class Found:
    """What became of a table's entries."""

    missing: Mapping[str, str]
    """Why entries could not be planned, by name."""

    trials: Sequence[Trial] = ()
    """Of all others."""

    paces: Mapping[str, Pace] = field(factory=dict)
    """Of these, where trainings should take equally long."""

    failures: Mapping[str, str] = field(factory=dict)
    """Why runs failed, by digest."""


def record_of(table: Table, found: Found, runs: Path, command: str, seeds: Sequence[int]) -> Record:
    """Everything about the table. RunError if its runs were not measured in the same way."""
    done = [RunFolder(trial.folder(runs)) for trial in found.trials if is_done(trial, runs)]
    comparison = compare(found.trials, runs, found.failures, _figures)
    evaluations = [read_json(folder.evaluation) for folder in done]
    protocol = _protocol(table, evaluations)
    labels = {entry.name: entry.label for entry in table.entries}
    return {
        "title": table.title,
        "command": command,
        "date": date.today().isoformat(),
        **_places(done),
        "seeds": list(seeds),
        "protocol": protocol,
        "time_of": table.time_of,
        "verdicts_beside": labels[comparison.rows[0].label] if comparison.rows else "",
        "shown": list(table.figures),
        "entries": {entry.name: _entry(entry, found, comparison) for entry in table.entries},
        "references": _references(evaluations, protocol.get("self_error_mean")),
        "anchors": [
            {"label": anchor.label, "figures": _named(anchor.figures), "source": anchor.source}
            for anchor in table.anchors
        ],
        "goals": [_goal(goal, table, comparison) for goal in table.goals],
    }


def _figures(folder: RunFolder) -> Figures:
    return {PARAMETERS: read_json(folder.evaluation)["cost"]["parameters"], **figures_of(folder)}


def _entry(entry: Entry, found: Found, comparison: Comparison) -> dict[str, object]:
    pace = found.paces.get(entry.name)
    head: dict[str, object] = {"label": entry.label, "recipe": f"recipes/{entry.recipe}.toml"}
    rows = [row for row in comparison.rows if row.label == entry.name]
    trial = next((trial for trial in found.trials if trial.variant == entry.name), None)
    return {
        **head,
        "settings": [*entry.settings, *(pace.settings if pace else ())],
        "missing": found.missing.get(entry.name, ""),
        "failures": list(rows[0].failures) if rows else [],
        "steps": {name: stage.steps for name, stage in trial.recipe.stages.items()} if trial else {},
        "forecast": asdict(pace) if pace else None,
        "figures": {figure_key(name): _values(rows[0], name) for name in comparison.figures} if rows else {},
    }


def _values(row: Row, figure: str) -> dict[str, object]:
    judged = row.judged.get(figure)
    beside = {} if judged is None else {"difference": judged.difference, "p": judged.p, "verdict": judged.verdict}
    return {"mean": row.mean(figure), "sd": row.sd(figure), "values": list(row.values[figure]), **beside}


def _references(evaluations: Sequence[Record], self_error: float | None) -> dict[str, dict[str, float | None]]:
    """Rows that are no network's; a name stands for one baseline in all recipes of a table, measured alike."""
    rows = {
        name: row for evaluation in evaluations for name, row in evaluation["rows"].items() if name not in _OWN_ROWS
    }
    found = {
        name: _named(
            {f"{words} {metric}": row[part][metric] for part, words in HORIZONS.items() for metric in row[part]}
        )
        for name, row in rows.items()
    }
    return found if self_error is None else {**found, FLOOR: {"rollout_nrmse": self_error}}


def _named(figures: Mapping[str, Any]) -> dict[str, float | None]:  # plain values
    return {figure_key(name): value for name, value in figures.items() if not isinstance(value, list | dict)}


def _protocol(table: Table, evaluations: Iterable[Record]) -> Record:
    protocols: dict[str, Record] = {canonical(each["protocol"]): each["protocol"] for each in evaluations}
    if len(protocols) > 1:
        one, other, *_ = protocols.values()
        unlike = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        raise RunError(f"{table.name}: its runs were measured differently: {', '.join(unlike)} of the protocol")
    return next(iter(protocols.values()), {})


def _places(folders: Sequence[RunFolder]) -> dict[str, object]:
    """Code, torch and machine of the runs, as they recorded them."""
    recorded = [read_json(folder.environment) for folder in folders]
    return {
        "code": _each(code_in_words(each) for each in recorded),
        "torch": _each(each["torch"] for each in recorded),
        "hardware": _each(_machine(each) for each in recorded),
    }


def _each(texts: Iterable[str]) -> str:
    return "; ".join(sorted(set(texts)))


def _machine(environment: Record) -> str:
    threads = environment["torch_threads"]
    cores = f"{environment['cpu_count']} CPU cores ({environment['processor']}), {threads} thread{'s'[: threads > 1]}"
    return f"{cores}, {', '.join(environment['devices']) or 'no GPU'}"


def _goal(goal: Goal, table: Table, comparison: Comparison) -> dict[str, object]:
    """What is asked for, the best entry that counts, and whether it is enough; None where a number is missing."""
    labels = {entry.name: entry.label for entry in table.entries}
    means = {
        row.label: mean
        for row in comparison.rows
        if goal.entry in ("", row.label) and _is_small_enough(row, goal.most_parameters)
        if goal.figure in comparison.figures and (mean := row.mean(goal.figure)) is not None
    }
    below = goal.below
    if goal.than and goal.figure in comparison.figures and goal.than in {row.label for row in comparison.rows}:
        below = comparison.row(goal.than).mean(goal.figure)
    best = min(means, key=lambda name: means[name], default=None)
    return {
        "figure": goal.figure,
        "entry": labels[goal.entry] if goal.entry else "",
        "below": below,
        "than": labels[goal.than] if goal.than else "",
        "most_parameters": goal.most_parameters,
        "best": labels[best] if best else None,
        "value": means[best] if best else None,
        "reached": None if best is None or below is None else means[best] < below,
    }


def _is_small_enough(row: Row, most: int | None) -> bool:
    parameters = row.mean(PARAMETERS) if PARAMETERS in row.values else None
    return most is None or (parameters is not None and parameters <= most)
