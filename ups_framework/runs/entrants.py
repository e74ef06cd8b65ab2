"""What a report over several runs shows of each recipe: its figures over seeds, its runs, and a few predictions."""

import re
from collections.abc import Sequence
from os.path import commonprefix
from statistics import fmean, stdev

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ups_framework.runs.bench_rows import Row
from ups_framework.runs.comparing import RunComparison
from ups_framework.runs.predictions import Predictions, load_predictions
from ups_framework.runs.run_record import RunRecord

Steps = NDArray[np.float64]
"""A number for each step of the rollout."""


@frozen(kw_only=True, eq=False)
class Entrant:
    """One recipe, with one or several seeds."""

    index: int
    """Decides its colour in all pictures."""

    name: str
    """What its runs' names have in common, or the first one's name."""

    runs: tuple[RunRecord, ...]
    """Those with results, a seed each."""

    row: Row
    """Figures over seeds, and verdicts beside the first recipe."""

    differs: tuple[str, ...]
    """What its recipe has otherwise than the first, a line a table: `latent: tokens 16, width 32`."""

    predictions: Predictions | None
    """Of its first run with some."""

    def spread(self, horizon: str) -> tuple[float | None, float]:
        """Mean of the nRMSE over seeds and its standard deviation, 0 of one seed."""
        return _spread([run.metric(horizon) for run in self.runs])

    def cost(self, name: str) -> float | None:
        """Mean of one of the costs."""
        return _spread([run.cost(name) for run in self.runs])[0]

    def by_step(self, row: str = "model") -> Steps | None:
        """nRMSE at each step of the rollout, (seeds, steps); None where a run lacks it."""
        found = [run.evaluation["rows"].get(row, {}).get("rollout", {}).get("by_step") for run in self.runs]
        if not found or any(steps is None for steps in found) or len({len(steps) for steps in found}) > 1:
            return None
        return np.array(found, dtype=np.float64)  # None, which is no finite number, becomes NaN


def entrants_of(found: RunComparison) -> list[Entrant]:
    """The recipes of a comparison that have results, in its order."""
    present = [(position, variant) for position, variant in enumerate(found.variants) if variant.evaluated]
    names = _names([variant.evaluated for _, variant in present])
    return [
        Entrant(
            index=index,
            name=names[index],
            runs=variant.evaluated,
            row=found.figures.rows[position],
            differs=_differs(found, position),
            predictions=_predictions(variant.evaluated),
        )
        for index, (position, variant) in enumerate(present)
    ]


def references_of(entrants: Sequence[Entrant]) -> dict[str, RunRecord]:
    """The reference rows of the evaluations, each with the first run that has it; reconstruction is a run's own."""
    found: dict[str, RunRecord] = {}
    for run in (run for entrant in entrants for run in entrant.runs):
        for row in run.evaluation["rows"]:
            if row not in ("model", "reconstruction"):
                found.setdefault(row, run)
    return found


def _spread(values: Sequence[float | None]) -> tuple[float | None, float]:
    numbers = [value for value in values if value is not None]
    if not numbers or len(numbers) < len(values):
        return None, 0.0
    return fmean(numbers), stdev(numbers) if len(numbers) > 1 else 0.0


def _names(groups: Sequence[Sequence[RunRecord]]) -> list[str]:
    """`plain` for `plain.seed-0.3f…` and `plain.seed-1.9a…`; the first name where that is empty or another's too."""
    starts = [commonprefix([run.name for run in runs]) for runs in groups]  # noqa: RUF071  # names are no paths
    common = [re.sub(r"[-._+]*(seed)?[-._+]*$", "", start) for start in starts]
    short = [name if len(runs) > 1 else "" for name, runs in zip(common, groups, strict=True)]
    return [name if name and short.count(name) == 1 else runs[0].name for name, runs in zip(short, groups, strict=True)]


def _differs(found: RunComparison, position: int) -> tuple[str, ...]:
    if position == 0:
        return ()
    tables: dict[str, list[str]] = {}
    for path, values in found.recipes.items():
        table, _, key = path.rpartition(".")
        if values[position] != values[0]:
            tables.setdefault(table, []).append(f"{key} {_shown(values[position])}")
    return tuple(f"{table}: {', '.join(keys)}" if table else ", ".join(keys) for table, keys in tables.items())


def _shown(value: object) -> str:
    if value is None:
        return "(not set)"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _predictions(runs: Sequence[RunRecord]) -> Predictions | None:
    return next((load_predictions(run.folder.predictions) for run in runs if run.folder.predictions.exists()), None)
