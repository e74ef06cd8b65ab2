"""Runs that differ in nothing but their seed, taken together."""

import json
from collections.abc import Sequence

from attrs import frozen

from ups_framework.recipe.difference import Difference, differences
from ups_framework.runs.run_record import RunRecord

INERT = frozenset({"description", "cost", "data_folder", "tracking", "gates", "prices"})
"""Keys of a recipe that change no result."""

UNTRAINED = INERT | {"evaluation", "metrics", "baselines", "pictures"}
"""Keys of a recipe that change nothing that is trained, but for a baseline that the networks correct."""


@frozen(kw_only=True)
class Variant:
    """One recipe with one or several seeds."""

    runs: tuple[RunRecord, ...]
    """A run for each seed, by seed."""

    repeats: tuple[RunRecord, ...] = ()
    """More runs of a seed that is among them: they say nothing of the spread."""

    @property
    def label(self) -> str:
        """The name of the first run, and how many seeds there are if several."""
        first, *others = self.runs
        return f"{first.name} ({1 + len(others)} seeds)" if others else first.name

    @property
    def evaluated(self) -> tuple[RunRecord, ...]:
        """Those with results."""
        return tuple(run for run in self.runs if run.evaluation)


def variants_of(records: Sequence[RunRecord]) -> list[Variant]:
    """The runs by recipe, in their order; of two runs of one recipe and seed one counts, with results if it can."""
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(_without_seed(record), []).append(record)
    return [_variant(group) for group in groups.values()]


def _without_seed(record: RunRecord) -> str:
    """The same for recipes that differ in their seed alone; stages run in the order in which they stand."""
    own = {key: value for key, value in record.recipe.items() if key not in INERT | {"seed"}}
    return json.dumps([own, list(record.recipe["stages"])], sort_keys=True)


def _variant(records: Sequence[RunRecord]) -> Variant:
    by_seed: dict[int, RunRecord] = {}
    repeats = []
    for record in sorted(records, key=lambda record: (record.seed, not record.evaluation)):
        if by_seed.setdefault(record.seed, record) is not record:
            repeats.append(record)
    return Variant(runs=tuple(by_seed.values()), repeats=tuple(repeats))


def trained_differences(a: RunRecord, b: RunRecord) -> list[Difference]:
    """What two recipes differ in that should change what is trained; their seeds count."""
    solvers = {("baselines", run.recipe.get("simulator", {}).get("corrects")) for run in (a, b)}
    found = differences(a.recipe, b.recipe)
    return [item for item in found if item.path[0] not in UNTRAINED or tuple(item.path[:2]) in solvers]
