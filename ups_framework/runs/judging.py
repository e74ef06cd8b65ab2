"""The gates of a run's recipe, held to its results and to those of the runs beside it. Loads no torch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ups_framework.errors import RunError
from ups_framework.runs.bench_statistics import LEAST_SEEDS, judged
from ups_framework.runs.gates import GateState, Verdict
from ups_framework.runs.protocols import protocol_differences
from ups_framework.runs.read_run import read_run
from ups_framework.runs.run_record import Plain, RunRecord
from ups_framework.runs.runs_folder import read_runs
from ups_framework.runs.tables import number
from ups_framework.runs.variants import Variant, variants_of


def judge(run: RunRecord) -> dict[str, Verdict]:
    """What is said of each gate of the run's recipe. Runs that gates name are looked up beside the run's folder.

    Nothing is raised: what cannot be judged is `missing`, with the reason.
    """
    return {name: _judge(name, gate, run) for name, gate in run.recipe.get("gates", {}).items()}


def figure(run: RunRecord, metric: str) -> float | None:
    """The number at a path of the model's row, or of `super_resolution` or `cost`; None if there is no finite one."""
    evaluation = run.evaluation
    value: Any = dict(evaluation.get("rows", {}).get("model", {}))  # JSON, down to a number
    value |= {key: evaluation.get(key, {}) for key in ("super_resolution", "cost")}
    for key in metric.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


class _MissingError(Exception):
    """There is nothing to judge by, and why."""


def _judge(name: str, gate: Plain, run: RunRecord) -> Verdict:
    verdict = Verdict(gate=name, metric=gate["metric"], rule=_rule(gate), state="missing", value=None)
    try:
        value = _known(run, gate["metric"], "the run")
        verdict = attrs.evolve(verdict, value=value)
        if "not_worse_than" in gate:
            state, reason = _not_worse(run, gate)
            return attrs.evolve(verdict, state=state, reason=reason)
        bound = _bound(run, gate)
        passes = value <= bound if "at_most" in gate else value >= bound
        return attrs.evolve(verdict, state="pass" if passes else "fail", bound=bound)
    except (_MissingError, RunError) as error:  # a RunError of a folder of runs that cannot be read
        return attrs.evolve(verdict, reason=str(error))


def _rule(gate: Plain) -> str:
    if "not_worse_than" in gate:
        return f"not worse than {gate['not_worse_than']}"
    words, factor = ("at most", gate["at_most"]) if "at_most" in gate else ("at least", gate["at_least"])
    return f"{words} {factor:g} × {gate['relative_to']}" if "relative_to" in gate else f"{words} {factor:g}"


def _known(run: RunRecord, metric: str, who: str) -> float:
    if not run.evaluation:
        raise _MissingError(f"{who} has no results yet")
    value = figure(run, metric)
    if value is None:
        raise _MissingError(f"{who} has no finite {metric}")
    return value


def _bound(run: RunRecord, gate: Plain) -> float:
    factor: float = gate["at_most"] if "at_most" in gate else gate["at_least"]
    if "relative_to" not in gate:
        return factor
    other = _reference(run, gate["relative_to"])
    value = _known(other, gate["metric"], other.name)
    _refuse_other_protocol([run, other], gate["metric"])
    return factor * value


def _reference(run: RunRecord, name: str) -> RunRecord:
    other = read_run(run.folder.path.parent / name, name)
    if other.status == "foreign":
        raise _MissingError(f"there is no run {name!r} beside this one")
    if other.status == "broken":
        raise _MissingError(f"{name}: {other.problem}")
    return other


def _refuse_other_protocol(runs: Sequence[RunRecord], metric: str) -> None:
    """What a run costs has no protocol."""
    differing = protocol_differences(runs)
    if differing and not metric.startswith("cost."):
        key, values = next(iter(differing.items()))
        text = ", ".join(f"{run.name} {value}" for run, value in zip(runs, values, strict=True))
        raise _MissingError(f"measured by different protocols: {key}: {text}")


def _not_worse(run: RunRecord, gate: Plain) -> tuple[GateState, str]:
    """A paired t-test over the seeds of both recipes in the folder of the run; less is better."""
    metric, other = gate["metric"], _reference(run, gate["not_worse_than"])
    _known(other, metric, other.name)
    beside = variants_beside(run)
    own, theirs = variant_of(run, beside), variant_of(other, beside)
    if own is theirs:
        raise _MissingError(f"{other.name} has the recipe of this run, but for its seed")
    ours, reference = ({each.seed: each for each in variant.evaluated} for variant in (own, theirs))
    seeds = sorted(ours.keys() & reference.keys())
    if len(seeds) < LEAST_SEEDS:
        raise _MissingError(f"{LEAST_SEEDS} seeds that both recipes have are needed, and there are {_listed(seeds)}")
    _refuse_other_protocol([each[seed] for each in (ours, reference) for seed in seeds], metric)
    values = [[figure(each[seed], metric) for seed in seeds] for each in (reference, ours)]
    (found,) = judged(values[0], [values[1]])
    if found.difference is None:
        raise _MissingError(f"a run of seeds {_listed(seeds)} has no finite {metric}")
    p = "" if found.p is None else f", p = {found.p:.2g}"
    text = f"{found.verdict} over seeds {_listed(seeds)}: difference {number(found.difference)}{p}"
    return ("fail" if found.verdict == "worse" else "pass"), text


def variants_beside(run: RunRecord) -> list[Variant]:
    """All recipes in the folder that holds the run, with that run as it is given."""
    found = [each for each in read_runs(run.folder.path.parent) if each.status not in ("broken", "foreign")]
    return variants_of([run, *(each for each in found if each.folder.path.resolve() != run.folder.path.resolve())])


def variant_of(run: RunRecord, variants: Sequence[Variant]) -> Variant:
    """The recipe of a run, among those beside another one; RunError if it is not there."""
    path = run.folder.path.resolve()
    for variant in variants:
        if any(each.folder.path.resolve() == path for each in (*variant.runs, *variant.repeats)):
            return variant
    raise RunError(f"{run.name} is in no folder of runs beside this one")


def _listed(seeds: Sequence[int]) -> str:
    return " ".join(map(str, seeds)) or "none"
