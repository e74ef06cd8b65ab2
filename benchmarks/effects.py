"""What each sampler, prior, guard and regulariser changes and what it costs, beside the recipe without it.

    python benchmarks/effects.py                 # everything, 3 seeds: a good hour on one core
    python benchmarks/effects.py --only burgers/conservation --only burgers/uniform
    python benchmarks/effects.py --quick         # a few steps, one seed: whether everything runs

Writes effects.md and effects.json beside this file; with --only or --quick it prints them, and writes only to --out.
The rows of heat/ need the example package of the docs: pip install docs/examples/ups-heat.
Runs are kept below runs/effects: the same command goes on where it was stopped, and repeats none that is done.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import torch
from attrs import frozen
from effects_list import EXPERIMENTS, PLAIN, QUICK, STEP, Experiment
from step_time import StepTimes, in_turn

from ups_framework.errors import RecipeError
from ups_framework.plugins import Registry, load_plugins
from ups_framework.runs.bench import compare
from ups_framework.runs.bench_jobs import Jobs
from ups_framework.runs.bench_plan import Trial, Variant, plan
from ups_framework.runs.bench_rows import STATED_TEST, Comparison
from ups_framework.runs.bench_statistics import Judged
from ups_framework.runs.bench_tables import as_plain, mean_and_sd, number
from ups_framework.runs.environment import code_in_words
from ups_framework.runs.records import read_json, write_json

COSTS = ("one-step nrmse", "rollout nrmse", STEP)

PAIRS, QUICK_PAIRS = 20, 2
"""Pairs of steps, plain and changed, that are timed."""


@frozen(kw_only=True)
class Result:
    """What an experiment found, or why it could not be made."""

    experiment: Experiment
    comparison: Comparison | None = None
    step_times: StepTimes | None = None
    missing: Sequence[str] = ()


def main() -> int:
    """Run the experiments and write the tables."""
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as `ups` does: threads that wait leave the others alone
    arguments = _parse()
    experiments = [item for item in EXPERIMENTS if not arguments.only or item.name in arguments.only]
    runs = arguments.runs / ("quick" if arguments.quick else "whole")
    results = _results(experiments, runs, arguments)
    text = _page(results, arguments)
    print(text)
    out = arguments.out or (None if arguments.only or arguments.quick else Path(__file__).parent)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "effects.md").write_text(text, encoding="utf-8")
        write_json(out / "effects.json", {item.experiment.name: _plain(item) for item in results})
    return 1 if any(row.failures for item in results if item.comparison for row in item.comparison.rows) else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [item.name for item in EXPERIMENTS]
    parser.add_argument("--only", action="append", default=[], choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="a few steps and one seed: no verdicts")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of every variant [3]")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time [1]")
    parser.add_argument("--runs", type=Path, default=Path("runs/effects"), help="folder of the runs [runs/effects]")
    parser.add_argument("--out", type=Path, help="folder of effects.md and effects.json [this file's]")
    return parser.parse_args()


def _results(experiments: Sequence[Experiment], runs: Path, arguments: argparse.Namespace) -> list[Result]:
    """All runs first, so that jobs are never short of work; then each experiment compared by itself."""
    registry = load_plugins()
    seeds = range(1 if arguments.quick else arguments.seeds)
    trials: dict[str, list[Trial]] = {}
    missing: dict[str, list[str]] = {}
    for item in experiments:
        missing[item.name] = [f"not installed: {need}" for need in item.needs if not _is_installed(need, registry)]
        try:
            trials[item.name] = [] if missing[item.name] else _trials(item, seeds, runs, registry, arguments.quick)
        except RecipeError as error:
            missing[item.name] = [f"refused: {mistake.path}: {mistake.problem}" for mistake in error.mistakes[:1]]
    jobs = Jobs(runs=runs, at_once=arguments.jobs, report=lambda line: print(line, file=sys.stderr, flush=True))
    failures = jobs.finish([trial for each in trials.values() for trial in each])
    pairs = QUICK_PAIRS if arguments.quick else PAIRS
    return [
        Result(experiment=item, missing=missing[item.name])
        if missing[item.name]
        else _result(item, trials[item.name], compare(trials[item.name], runs, failures), registry, pairs)
        for item in experiments
    ]


def _result(
    experiment: Experiment, trials: Sequence[Trial], comparison: Comparison, registry: Registry, pairs: int
) -> Result:
    """With the step time of the plain and the changed recipe of the first seed, unless runs of them failed."""
    if any(row.failures for row in comparison.rows):
        return Result(experiment=experiment, comparison=comparison)
    first = {trial.variant: trial.recipe for trial in reversed(trials)}
    changed = next(recipe for variant, recipe in first.items() if variant != "plain")
    times = in_turn(first["plain"], changed, registry, pairs)
    return Result(experiment=experiment, comparison=comparison, step_times=times)


def _is_installed(need: str, registry: Registry) -> bool:
    kind, name = need.split()
    return any(component.name == name for component in registry.components(kind))


def _trials(experiment: Experiment, seeds: Sequence[int], runs: Path, registry: Registry, quick: bool) -> list[Trial]:
    """The plain recipe and the changed one, each with every seed; their files are kept beside the runs."""
    folder = runs / "recipes"
    folder.mkdir(parents=True, exist_ok=True)
    recipes = {"plain": PLAIN[experiment.base], experiment.name: experiment.recipe}
    variants = []
    for label, text in recipes.items():
        path = folder / f"{experiment.name.replace('/', '.')}.{'plain' if label == 'plain' else 'changed'}.toml"
        path.write_text(text, encoding="utf-8")
        variants.append(Variant(label=label, recipe=path))
    settings, gpu = QUICK if quick else (), torch.cuda.is_available()
    return plan(variants, seeds, registry=registry, settings=settings, profile="none", gpu=gpu)


def _page(results: Sequence[Result], arguments: argparse.Namespace) -> str:
    """A table for each base recipe."""
    lines = ["# What each component changes, and what it costs", "", *_header(results, arguments)]
    for base in dict.fromkeys(item.experiment.base for item in results):
        lines += [
            "",
            f"## {base}",
            "",
            f"| component | its target | plain | with it | {' | '.join(COSTS)} |",
            f"|---|---|---|---|{'---|' * len(COSTS)}",
        ]
        lines += [_line(item) for item in results if item.experiment.base == base]
    alarms = [item for item in results if item.comparison and item.comparison.same_weights]
    for item in alarms:
        lines += ["", f"`{item.experiment.name}` ends with the plain recipe's weights: here it changes nothing."]
    return "\n".join(lines) + "\n"


def _header(results: Sequence[Result], arguments: argparse.Namespace) -> list[str]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    flags = "".join(f" --only {name}" for name in arguments.only) + (" --quick" if arguments.quick else "")
    seeds = 1 if arguments.quick else arguments.seeds
    return [
        f"Generated by `python benchmarks/effects.py{flags}`; {device}, {arguments.jobs} at a time, torch "
        f"{torch.__version__}, {seeds} seeds, code {_code(results)}, {date.today().isoformat()}.",
        "",
        f"Mean ± sd over seeds on test data; {STATED_TEST}. Each row is a comparison of its own: of twenty rows "
        "one may be called different by chance. The recipes are small, so that a run takes half a minute; they stand "
        "in `benchmarks/effects_list.py`.",
        "",
        "Step time: the median of training steps over that of plain ones, which take turns in one process, in "
        f"{QUICK_PAIRS if arguments.quick else PAIRS} pairs with all frames unrolled, on made-up fields; in brackets "
        "the quartiles of the pairs' ratios, and the verdict of the same test over pairs, on their logarithms.",
    ]


def _code(results: Sequence[Result]) -> str:
    """The commits that the runs were made with."""
    folders = {folder for item in results if item.comparison for row in item.comparison.rows for folder in row.folders}
    records = [read_json(path) for folder in folders if (path := folder / "environment.json").exists()]
    return ", ".join(sorted({code_in_words(record) for record in records}))


def _line(result: Result) -> str:
    experiment = result.experiment
    head = f"| {experiment.title} | {experiment.target} |"
    if result.comparison is None:
        return f"{head} {'; '.join(result.missing)} |{' |' * (1 + len(COSTS))}"
    plain, changed = result.comparison.rows
    failures = (*plain.failures, *changed.failures)
    if failures:
        return f"{head} failed: {failures[0]} |{' |' * (1 + len(COSTS))}"
    cells = [_cell(result, figure) for figure in (experiment.target, *COSTS)]
    return f"{head} {_plain_cell(result)} | {' | '.join(cells)} |"


def _plain_cell(result: Result) -> str:
    assert result.comparison is not None
    assert result.step_times is not None
    if result.experiment.target == STEP:
        return f"{number(1000 * median(result.step_times.plain))} ms"
    return mean_and_sd(result.comparison.rows[0], result.experiment.target)


def _cell(result: Result, figure: str) -> str:
    """`0.012 ± 0.001 (-30 %, **better**)`, or `×0.82 (0.80 to 0.85, **better**)` of the step time."""
    assert result.comparison is not None
    assert result.step_times is not None
    if figure == STEP:
        lower, upper = result.step_times.spread
        return f"×{result.step_times.ratio:.2f} ({lower:.2f} to {upper:.2f}, {_verdict(result.step_times.judged)})"
    plain, changed = result.comparison.rows
    judged, first = changed.judged[figure], plain.mean(figure)
    part = f"{100 * judged.difference / first:+.0f} %, " if judged.difference is not None and first else ""
    return f"{mean_and_sd(changed, figure)} ({part}{_verdict(judged)})"


def _verdict(judged: Judged) -> str:
    return f"**{judged.verdict}**" if judged.verdict in ("better", "worse") else judged.verdict


def _plain(result: Result) -> Mapping[str, object]:
    experiment = result.experiment
    head = {"title": experiment.title, "base": experiment.base, "target": experiment.target}
    plain: dict[str, Any] = as_plain(result.comparison) if result.comparison else {}  # a tree of plain values
    for variant in plain.get("variants", ()):
        variant["folders"] = [Path(folder).name for folder in variant["folders"]]  # where they lay is nobody's business
    times = {"step_time": _plain_times(result.step_times)} if result.step_times else {}
    return {**head, "missing": list(result.missing), **plain, **times}


def _plain_times(times: StepTimes) -> Mapping[str, object]:
    """Milliseconds of all steps, and what is made of them."""
    plain, changed = ([1000 * each for each in series] for series in (times.plain, times.changed))
    found = {"ratio": times.ratio, "quartiles": list(times.spread), "verdict": times.judged.verdict}
    return {**found, "p": times.judged.p, "plain_ms": plain, "changed_ms": changed}


if __name__ == "__main__":
    sys.exit(main())
