"""Runs side by side: what their recipes differ in, their figures over seeds, and what cannot be right."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from attrs import frozen

from ups_framework.errors import RunError
from ups_framework.recipe.difference import differences
from ups_framework.runs.bench_figures import MORE_IS_BETTER, Figures, figures_of
from ups_framework.runs.bench_rows import Comparison, Row
from ups_framework.runs.bench_statistics import Judged, judged
from ups_framework.runs.protocols import protocol_differences
from ups_framework.runs.run_record import RunRecord
from ups_framework.runs.variants import Variant, trained_differences, variants_of
from ups_framework.runs.weights import weights_digest

Differences = Mapping[str, Sequence[object]]
"""Each key with the value of every variant or run; None where it has none."""


@frozen(kw_only=True)
class Alarm:
    """Two runs that should differ, and do not."""

    runs: tuple[str, str]
    """Their names."""

    alike: str
    """What of them is the same to the last bit."""

    differing: tuple[str, ...]
    """What their recipes differ in, which therefore changed nothing."""

    def __str__(self) -> str:
        a, b = self.runs
        what = ", ".join(self.differing[:5]) + (", ..." if len(self.differing) > 5 else "")
        return f"ALARM: {a} and {b} have the same {self.alike} to the last bit, though they differ in {what}"


@frozen(kw_only=True)
class RunComparison:
    """What `ups compare` found."""

    variants: tuple[Variant, ...]
    """Runs that differ in their seed alone, together; others are held to the first."""

    recipes: Differences
    """What the variants' recipes differ in; seeds only where each variant has one run."""

    protocols: Differences
    """What the protocols of the runs with results differ in, by run; empty where figures can be compared."""

    measured: tuple[str, ...]
    """Names of the runs with results."""

    figures: Comparison
    """Means over seeds and verdicts; `seeds` are those that all variants have, which verdicts are over."""

    alarms: tuple[Alarm, ...]
    """Pairs of runs of different recipes that agree to the last bit."""

    repeats: Mapping[str, tuple[str, bool]]
    """Runs of a recipe and seed that another has too: that one, and whether their results agree to the last bit."""


def compare_runs(records: Sequence[RunRecord], *, any_protocol: bool = False) -> RunComparison:
    """The comparison of some runs.

    RunError where protocols differ, unless `any_protocol`, where a run cannot be read, or where one is given twice.
    """
    _refuse_same(records)
    measured = [record for record in records if record.evaluation]
    protocols = protocol_differences(measured)
    if protocols and not any_protocol:
        raise RunError(_incomparable(measured, protocols))
    variants = variants_of(records)
    return RunComparison(
        variants=tuple(variants),
        recipes=_recipe_differences(variants),
        protocols=protocols,
        measured=tuple(record.name for record in measured),
        figures=_figures(variants),
        alarms=tuple(_alarms(measured)),
        repeats={
            repeat.name: (first.name, _results(first) == _results(repeat))
            for variant in variants
            for repeat in variant.repeats
            for first in variant.runs
            if first.seed == repeat.seed
        },
    )


def _refuse_same(records: Sequence[RunRecord]) -> None:
    paths = [record.folder.path.resolve() for record in records]
    for record, path in zip(records, paths, strict=True):
        if paths.count(path) > 1:
            raise RunError(f"{record.name}: is given more than once")


def _incomparable(measured: Sequence[RunRecord], protocols: Differences) -> str:
    lines = [
        f"  {key}: " + ", ".join(f"{run.name} {value}" for run, value in zip(measured, values, strict=True))
        for key, values in protocols.items()
    ]
    head = "the runs were measured by different protocols, so that their figures say nothing of each other:"
    return "\n".join([head, *lines, "--any-protocol compares them all the same"])


def _recipe_differences(variants: Sequence[Variant]) -> Differences:
    first, *others = (variant.runs[0].recipe for variant in variants)
    left_out = {"seed"} if any(len(variant.runs) > 1 for variant in variants) else set()
    found: dict[str, list[object]] = {}
    for index, other in enumerate(others, start=1):
        for item in differences(first, other):
            if item.path[0] not in left_out:
                found.setdefault(".".join(item.path), [item.a] * len(variants))[index] = item.b
    return found


def _figures(variants: Sequence[Variant]) -> Comparison:
    found = {run.name: _figures_of(run) for variant in variants for run in variant.evaluated}
    names = tuple(dict.fromkeys(name for figures in found.values() for name in figures))
    own = [{run.seed: found[run.name] for run in variant.evaluated} for variant in variants]
    seeds = tuple(seed for seed in own[0] if all(seed in each for each in own))
    verdicts = {name: _verdicts(own, seeds, name) for name in names}
    rows = [
        Row(
            label=variant.label,
            folders=tuple(run.folder.path for run in variant.runs),
            failures=tuple(run.problem for run in variant.runs if run.status == "failed"),
            values={name: [figures.get(name) for figures in own[index].values()] for name in names},
            judged={name: verdicts[name][index - 1] for name in names} if index else {},
        )
        for index, variant in enumerate(variants)
    ]
    return Comparison(seeds=seeds, figures=names, rows=tuple(rows), same_weights=())


def _figures_of(run: RunRecord) -> Figures:
    try:
        return figures_of(run.folder)
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise RunError(f"{run.folder.path}: its metrics are damaged, or from another version ({error!r})") from error


def _verdicts(own: Sequence[Mapping[int, Figures]], seeds: Sequence[int], name: str) -> list[Judged]:
    """What is said of each variant but the first, over the seeds that all have."""
    if not seeds:
        measured = [bool(own[0] and other) for other in own[1:]]
        return [Judged(difference=None, p=None, verdict="needs 3 seeds" if ok else "no number") for ok in measured]
    first, *others = [[figures[seed].get(name) for seed in seeds] for figures in own]
    return judged(first, others, more_is_better=name in MORE_IS_BETTER)


def _alarms(measured: Sequence[RunRecord]) -> list[Alarm]:
    weights = {id(run): weights_digest(run.folder) for run in measured if run.folder.simulator.exists()}
    found = []
    for a, b in combinations(measured, 2):
        same = [
            *(["weights"] if id(a) in weights and weights[id(a)] == weights.get(id(b)) else []),
            *(["results"] if a.metric("rollout") is not None and _results(a) == _results(b) else []),
        ]
        differing = tuple(".".join(item.path) for item in trained_differences(a, b)) if same else ()
        if differing:
            found.append(Alarm(runs=(a.name, b.name), alike=" and ".join(same), differing=differing))
    return found


def _results(run: RunRecord) -> object:
    """The model's own figures."""
    return run.evaluation.get("rows", {}).get("model")
