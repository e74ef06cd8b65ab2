"""The best recipes for each dataset and protocol, beside the reference rows and with their costs."""

import csv
import io
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from attrs import frozen

from ups_framework.runs.protocols import canonical, protocol_differences, protocol_key
from ups_framework.runs.run_record import Plain, RunRecord
from ups_framework.runs.variants import Variant, variants_of

NO_REFERENCE = frozenset({"model", "reconstruction"})
"""Rows of an evaluation that are the run's own."""


@frozen(kw_only=True)
class Spread:
    """A figure over seeds."""

    mean: float | None
    """None where a seed has no finite number."""

    sd: float | None = None
    """Divided by n − 1; None of one seed."""


@frozen(kw_only=True)
class Entry:
    """A recipe on a board, or a reference row."""

    name: str
    """Of its best run, or of the reference row."""

    description: str = ""
    """Of the recipe."""

    runs: tuple[str, ...] = ()
    """Names of its runs, a seed each; none of a reference."""

    rollout: Spread
    """nRMSE of the whole rollout on the test data."""

    one_step: Spread
    """nRMSE of one step."""

    costs: Mapping[str, float | None]
    """Means over the runs of each of COSTS; empty of a reference."""


COSTS = ("parameters", "train_seconds", "seconds_per_step", "peak_memory_mib")
"""Numbers of an evaluation's `cost`."""


@frozen(kw_only=True)
class Board:
    """What was measured by one protocol."""

    dataset: str
    """Component of the data."""

    special: Mapping[str, object]
    """As much of the protocol as tells the board from others of this dataset."""

    protocol: Plain
    """All of it."""

    entries: tuple[Entry, ...]
    """The best first."""

    references: tuple[Entry, ...]
    """The best first."""

    @property
    def title(self) -> str:
        """The dataset, with what tells the board from others of it."""
        return ", ".join([self.dataset, *(f"{key} {value}" for key, value in self.special.items())])

    def beside_references(self, entry: Entry) -> float | None:
        """The entry's rollout nRMSE over that of the best reference; None where one of them is missing."""
        best = self.references[0].rollout.mean if self.references else None
        return entry.rollout.mean / best if entry.rollout.mean is not None and best else None


def boards(records: Sequence[RunRecord]) -> list[Board]:
    """A board for each protocol by which runs were measured, by title; runs without results are on none."""
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        if record.evaluation and record.status not in ("broken", "foreign"):
            groups.setdefault(protocol_key(record), []).append(record)
    firsts = [group[0] for group in groups.values()]
    made = [_board(group, firsts) for group in groups.values()]
    return sorted(made, key=lambda board: board.title)


def _board(records: Sequence[RunRecord], firsts: Sequence[RunRecord]) -> Board:
    dataset, protocol = records[0].recipe["data"]["use"], records[0].evaluation["protocol"]
    rows = dict.fromkeys(row for record in records for row in record.evaluation["rows"] if row not in NO_REFERENCE)
    return Board(
        dataset=dataset,
        special=_special(records[0], [first for first in firsts if first.recipe["data"]["use"] == dataset]),
        protocol=protocol,
        entries=tuple(sorted(map(_entry, variants_of(records)), key=_rank)),
        references=tuple(sorted((_reference(records, row) for row in rows), key=_rank)),
    )


def _special(own: RunRecord, firsts: Sequence[RunRecord]) -> Plain:
    """The first differing keys of the protocols that together tell this one from all others."""
    special, same = {}, [first for first in firsts if first is not own]
    for key in protocol_differences(firsts):
        if same:
            special[key] = own.evaluation["protocol"].get(key)
            here = canonical(special[key])
            same = [other for other in same if canonical(other.evaluation["protocol"].get(key)) == here]
    return special


def _entry(variant: Variant) -> Entry:
    runs = sorted(variant.runs, key=lambda run: (_last(run.metric("rollout")), run.name))
    return Entry(
        name=runs[0].name,
        description=runs[0].description,
        runs=tuple(sorted(run.name for run in runs)),
        rollout=_spread([run.metric("rollout") for run in runs]),
        one_step=_spread([run.metric("one_step") for run in runs]),
        costs={cost: _spread([run.cost(cost) for run in runs]).mean for cost in COSTS},
    )


def _reference(records: Sequence[RunRecord], row: str) -> Entry:
    run = next(record for record in records if row in record.evaluation["rows"])
    figures = {horizon: Spread(mean=run.metric(horizon, row=row)) for horizon in ("rollout", "one_step")}
    return Entry(name=row, rollout=figures["rollout"], one_step=figures["one_step"], costs={})


def _spread(values: Sequence[float | None]) -> Spread:
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return Spread(mean=None)
    return Spread(mean=fmean(numbers), sd=stdev(numbers) if len(numbers) > 1 else None)


def _rank(entry: Entry) -> tuple[float, str]:
    return _last(entry.rollout.mean), entry.name


def _last(value: float | None) -> float:
    return float("inf") if value is None else value


def as_csv(found: Sequence[Board]) -> bytes:
    """A line for each entry and reference row; costs are means over seeds."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    figures = ("rollout_nrmse", "rollout_nrmse_sd", "one_step_nrmse", "one_step_nrmse_sd", "times_best_reference")
    writer.writerow(["board", "kind", "rank", "name", "seeds", *figures, *COSTS, "description", "runs"])
    for board in found:
        for kind, entries in (("run", board.entries), ("reference", board.references)):
            for rank, entry in enumerate(entries, start=1):
                writer.writerow([board.title, kind, rank, *_cells(board, entry)])
    return text.getvalue().encode()


def _cells(board: Board, entry: Entry) -> list[object]:
    spreads = [entry.rollout.mean, entry.rollout.sd, entry.one_step.mean, entry.one_step.sd]
    numbers = [*spreads, board.beside_references(entry), *(entry.costs.get(cost) for cost in COSTS)]
    return [entry.name, len(entry.runs) or "", *numbers, entry.description, " ".join(entry.runs)]
