"""Variants side by side: each with the same seeds, figures as mean ± sd, and what is more than chance."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from ups_framework.runs.bench_figures import MORE_IS_BETTER, Figures, figures_of
from ups_framework.runs.bench_jobs import Jobs, is_done
from ups_framework.runs.bench_plan import Trial
from ups_framework.runs.bench_rows import Comparison, Row
from ups_framework.runs.bench_statistics import Judged, Values, judged
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.weights import weights_digest


def run_bench(trials: Sequence[Trial], jobs: Jobs) -> Comparison:
    """Run what is not done yet and compare. Raises as `Jobs.finish` does; runs that fail are in the comparison."""
    return compare(trials, jobs.runs, jobs.finish(trials))


def compare(
    trials: Sequence[Trial],
    runs: Path,
    failures: Mapping[str, str],
    measure: Callable[[RunFolder], Figures] = figures_of,
) -> Comparison:
    """The comparison of runs that are there; `failures` say of others why they are not, by digest of the trial."""
    found = {trial.digest: measure(RunFolder(trial.folder(runs))) if is_done(trial, runs) else {} for trial in trials}
    figures = tuple(dict.fromkeys(name for each in found.values() for name in each))
    by_variant = {
        label: [t for t in trials if t.variant == label] for label in dict.fromkeys(t.variant for t in trials)
    }
    values: dict[str, dict[str, Values]] = {
        label: {name: [found[trial.digest].get(name) for trial in own] for name in figures}
        for label, own in by_variant.items()
    }
    verdicts = {name: _beside_first([each[name] for each in values.values()], name) for name in figures}
    rows = [
        Row(
            label=label,
            folders=tuple(trial.folder(runs) for trial in own),
            failures=tuple(failures[trial.digest] for trial in own if trial.digest in failures),
            values=values[label],
            judged={name: said for name in figures if (said := verdicts[name][index]) is not None},
        )
        for index, (label, own) in enumerate(by_variant.items())
    ]
    seeds = tuple(dict.fromkeys(trial.seed for trial in trials))
    return Comparison(seeds=seeds, figures=figures, rows=tuple(rows), same_weights=_same_weights(by_variant, runs))


def _beside_first(series: Sequence[Values], figure: str) -> list[Judged | None]:
    """What is said of each variant's figure; None of the first's."""
    first, *others = series
    return [None, *judged(first, others, more_is_better=figure in MORE_IS_BETTER)]


def _same_weights(by_variant: Mapping[str, Sequence[Trial]], runs: Path) -> tuple[tuple[str, str], ...]:
    """Pairs of variants that differ in the recipe and not in what became of it."""
    complete = {label: own for label, own in by_variant.items() if all(is_done(trial, runs) for trial in own)}
    weights = {label: [weights_digest(RunFolder(t.folder(runs))) for t in own] for label, own in complete.items()}
    recipes = {label: [trial.digest for trial in own] for label, own in complete.items()}
    pairs = combinations(complete, 2)
    return tuple((a, b) for a, b in pairs if weights[a] == weights[b] and recipes[a] != recipes[b])
