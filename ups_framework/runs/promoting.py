"""A run's resolved recipe with the evidence for it, as a file to keep. Only runs whose gates all pass are promoted."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, stdev

from attrs import evolve, frozen

from ups_framework.errors import RunError
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.gates import Verdicts, write_verdicts
from ups_framework.runs.judging import figure, judge, variant_of, variants_beside
from ups_framework.runs.records import Record, read_json
from ups_framework.runs.run_record import RunRecord
from ups_framework.runs.status import one_line
from ups_framework.runs.tables import number
from ups_framework.runs.weights import weights_digest

_RESULTS = ("rollout.nrmse", "one_step.nrmse", "cost.parameters", "cost.train_seconds")


@frozen(kw_only=True)
class Promotion:
    """What promoting a run writes."""

    run: RunRecord
    """The run, with its gates judged anew."""

    path: Path
    """The new file."""

    evidence: tuple[str, ...]
    """Lines on what speaks for the recipe."""

    text: str
    """All of the file: the evidence as comments, then the resolved recipe."""


def promotion(run: RunRecord, folder: Path) -> Promotion:
    """What promoting would write. RunError, with all reasons, of a run that did not end well or passes not all gates.

    Gates are judged now, by the runs that are beside this one; a run without gates has passed none.
    """
    verdicts, path = judge(run), folder / f"{run.folder.name}.toml"
    reasons = list(_reasons(run, verdicts, path))
    if reasons:
        raise RunError("\n".join([f"{run.folder.path}: is not promoted:", *(f"  {reason}" for reason in reasons)]))
    evidence = tuple(map(one_line, _evidence(run, verdicts)))
    comments = "".join(f"# {line}\n" for line in evidence)
    recipe = run.folder.recipe.read_text(encoding="utf-8")
    return Promotion(run=evolve(run, verdicts=verdicts), path=path, evidence=evidence, text=f"{comments}\n{recipe}")


def promote(promoted: Promotion) -> None:
    """Write the file, and the verdicts to the run."""
    try:
        promoted.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{promoted.path.parent}: cannot be made ({error.strerror})") from error
    write_whole(promoted.path, promoted.text.encode())
    write_verdicts(promoted.run.folder, promoted.run.verdicts)


def _reasons(run: RunRecord, verdicts: Verdicts, path: Path) -> Iterator[str]:
    if run.status != "success":
        yield f"it is {run.status}" + (f": {run.problem}" if run.problem else "")
    if not verdicts:
        yield "its recipe has no gates, so that nothing says what it should reach: add [gates.NAME] and `--resume`"
    for name, verdict in verdicts.items():
        if verdict.state != "pass":
            why = verdict.reason or f"{verdict.metric} is {number(verdict.value)}, asked for: {verdict.rule}"
            yield f"gate {name} is {verdict.state}: {why}"
    if path.exists():
        yield f"{path} exists already"


def _evidence(run: RunRecord, verdicts: Verdicts) -> Iterator[str]:
    folder = run.folder
    environment = read_json(folder.environment) if folder.environment.exists() else {}
    yield f"Promoted by `ups runs promote` from the run {folder.path}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    yield f"command: {' '.join(environment.get('command', ())) or 'not recorded'}"
    yield f"commit: {_commit(environment)}"
    versions = {"python": environment.get("python"), "torch": environment.get("torch")}
    versions |= environment.get("distributions", {})
    yield "versions: " + ", ".join(f"{name} {version}" for name, version in versions.items())
    yield f"machine: {', '.join(environment.get('devices', ())) or environment.get('processor', 'not recorded')}"
    yield f"data: digest {environment.get('data_digest', 'not recorded')}"
    yield f"protocol: {', '.join(f'{key} {value}' for key, value in run.evaluation['protocol'].items())}"
    seeds = variant_of(run, variants_beside(run)).evaluated
    yield f"seeds: {', '.join(f'{each.seed} ({each.name})' for each in seeds)}"
    for metric in _RESULTS:
        yield f"{metric}: {number(figure(run, metric))}{_over_seeds(seeds, metric)}"
    yield f"weights: {weights_digest(folder)[:16]}"
    for name, verdict in verdicts.items():
        why = f" ({verdict.reason})" if verdict.reason else ""
        yield f"gate {name}: {verdict.state}: {verdict.metric} {number(verdict.value)}, {verdict.rule}{why}"


def _commit(environment: Record) -> str:
    git = environment.get("git")
    if git is None:
        return "none: the run began outside a repository"
    return f"{git['commit']}{', with changes that are not committed' if git['dirty'] else ''}"


def _over_seeds(runs: Sequence[RunRecord], metric: str) -> str:
    values = [value for run in runs if (value := figure(run, metric)) is not None]
    if len(values) < 2:
        return ""
    return f" (over {len(values)} seeds {number(fmean(values))} ± {stdev(values):.2g})"
