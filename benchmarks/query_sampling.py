"""What supervising part of the points saves and costs: dense and sampled steps in turn in one process.

    python benchmarks/query_sampling.py            # some 20 minutes on two idle cores
    python benchmarks/query_sampling.py --quick    # tiny grids, one repetition, nothing trained: whether it runs

Writes query_sampling.md and .json beside this file; with --quick it prints it, and writes only to --out. The losses are
relative_l2 and inverse_encoding: where a loss or guard reads the whole grid, everything is decoded and nothing saved.
"""

import argparse
import ctypes
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import torch
from attrs import frozen
from step_time import Steps

from ups_framework.engine.stopwatch import seconds
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import Recipe, load_recipe
from ups_framework.runs.bench import run_bench
from ups_framework.runs.bench_jobs import Jobs
from ups_framework.runs.bench_plan import plan, variants_of
from ups_framework.runs.bench_rows import STATED_TEST, Comparison, Row
from ups_framework.runs.bench_tables import number
from ups_framework.runs.environment import code_in_words, environment
from ups_framework.runs.records import read_json, write_json

Figures = Mapping[str, Mapping[str, object]]
"""Of one part of the points: mean, standard deviation and values by name."""

RATIOS = (1.0, 0.5, 0.3, 0.1)

ERRORS = ("one-step nrmse", "rollout nrmse")

COSTS = {
    "step_ms": "step, ms",
    "step_faster": "dense / sampled",
    "decoder_ms": "decoder, ms",
    "decoder_faster": "dense / sampled",
    "memory_mib": "memory, MiB",
    "memory_part": "sampled / dense",
}
"""Titles of columns."""

_RECIPE = """
extends = "{extends}"

[data]
{data}

[optimizer]
method = "muon"

[training]
batch = 4
precision = "float32"
compile = false
augment = false
log_every = 10
validate_every = 100
audit_every = 1000
checkpoint_every = 200

[stages.autoencode]
steps = 0

[stages.operator]
steps = {steps}
unroll = 1
select = "one_step"
losses = ["prediction", "reconstruction"]

[evaluation]
context = 1
super_resolution = [1]

[tracking]
aim = false
"""

_FLOW = "train = 32\nvalidation = 4\ntest = 8\nframes = 6\nviscosity = 4e-3"
_FRONTS = "train = 64\nvalidation = 8\ntest = 16\nviscosity = [0.01]"


@frozen(kw_only=True)
class Case:
    """One training grid."""

    name: str
    extends: str
    data: str
    steps: int
    """Training steps for the error; 0 times the step only."""

    def recipe(self) -> str:
        """As TOML."""
        return _RECIPE.format(extends=self.extends, data=self.data, steps=self.steps or 1)


CASES = (
    Case(name="1-D 1024", extends="burgers:quick", data=f"{_FRONTS}\npoints = 1024", steps=300),
    Case(name="2-D 64²", extends="navier_stokes:decaying", data=f"{_FLOW}\npoints = 64", steps=150),
    Case(name="2-D 128²", extends="navier_stokes:decaying", data=f"{_FLOW}\npoints = 128", steps=50),
)

QUICK = (
    Case(name="1-D 128", extends="burgers:quick", data=f"{_FRONTS}\npoints = 128", steps=0),
    Case(name="2-D 32²", extends="navier_stokes:decaying", data=f"{_FLOW}\npoints = 32", steps=0),
)


@frozen(kw_only=True)
class Cost:
    """What a step takes, in one repetition."""

    step: float
    """Seconds of a whole step: forward, backward and optimiser."""

    decoder: float
    """Seconds of the decoder alone at as many points, forward and backward."""

    memory: float | None
    """Most memory above that before the step, in MiB; None where the system does not tell."""


def main() -> int:
    """Time, train and write."""
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as `ups` does: waiting threads must not slow others
    arguments = _parse()
    cases, repetitions, steps = (QUICK, 1, 1) if arguments.quick else (CASES, arguments.seeds, arguments.steps)
    registry, folder = load_plugins(), arguments.runs
    record: dict[str, Any] = {"made": _made(arguments)}  # a tree of plain values
    for case in cases:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{case.name.replace(' ', '_')}.toml"
        path.write_text(case.recipe(), encoding="utf-8")
        found: dict[str, Any] = {"title": case.name, "trained_steps": case.steps}
        parts = _costs(path, registry, repetitions, steps)
        if case.steps:
            comparison = _trained(path, registry, range(repetitions), folder / path.stem)
            errors = _errors(comparison)
            parts = {part: {**costs, **errors[part]} for part, costs in parts.items()}
            found["trained_with"] = _code(comparison)
        record[_key(case.name)] = {**found, "parts": parts}
    text = _page(record)
    print(text)
    out = arguments.out or (None if arguments.quick else Path(__file__).parent)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "query_sampling.md").write_text(text, encoding="utf-8")
        write_json(out / "query_sampling.json", record)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="whether everything runs, in some seconds")
    parser.add_argument("--seeds", type=int, default=3, help="repetitions of the timing, and seeds of the training [3]")
    parser.add_argument("--steps", type=int, default=5, help="steps that are timed in each repetition [5]")
    parser.add_argument("--runs", type=Path, default=Path("runs/query_sampling"), help="folder of the runs")
    parser.add_argument("--out", type=Path, help="folder of query_sampling.md and .json [this file's]")
    return parser.parse_args()


def _made(arguments: argparse.Namespace) -> Mapping[str, object]:
    """The command, the machine and the code."""
    gpu, threads = torch.cuda.is_available(), torch.get_num_threads()
    return {
        "command": f"python benchmarks/query_sampling.py{' --quick' if arguments.quick else ''}",
        "device": torch.cuda.get_device_name() if gpu else f"CPU, {threads} thread{'' if threads == 1 else 's'}",
        "torch": torch.__version__,
        "code": code_in_words(environment([])),
        "date": date.today().isoformat(),
    }


def _costs(path: Path, registry: Registry, repetitions: int, steps: int) -> dict[str, Figures]:
    """What dense and sampled steps take, in turn; by part of the points."""
    meters = {ratio: _Meter(_recipe(path, ratio, registry), registry) for ratio in RATIOS}
    costs: dict[float, list[Cost]] = {ratio: [] for ratio in RATIOS}
    for _ in range(repetitions):
        for ratio, meter in meters.items():
            costs[ratio].append(meter.measure(steps))
    return {f"{ratio:.0%}": _figures(own, costs[1.0]) for ratio, own in costs.items()}


def _figures(own: Sequence[Cost], dense: Sequence[Cost]) -> Figures:
    """Milliseconds and MiB, and their ratios to the dense step of the same repetition, over repetitions."""
    pairs = list(zip(dense, own, strict=True))
    found = {
        "step_ms": [1000 * cost.step for cost in own],
        "step_faster": [whole.step / part.step for whole, part in pairs],
        "decoder_ms": [1000 * cost.decoder for cost in own],
        "decoder_faster": [whole.decoder / part.decoder for whole, part in pairs],
    }
    if all(part.memory is not None and whole.memory for whole, part in pairs):
        found["memory_mib"] = [part.memory or 0.0 for _, part in pairs]
        found["memory_part"] = [(part.memory or 0.0) / (whole.memory or 1.0) for whole, part in pairs]
    return {name: _over_repetitions(values) for name, values in found.items()}


def _over_repetitions(values: Sequence[float]) -> Mapping[str, object]:
    return {"mean": fmean(values), "sd": stdev(values) if len(values) > 1 else None, "values": list(values)}


def _trained(path: Path, registry: Registry, seeds: Sequence[int], runs: Path) -> Comparison:
    """Short trainings with as many steps for all; those that are there already are taken."""
    values = ["{use='dense'}", *(f"{{use='uniform', fraction={ratio}}}" for ratio in RATIOS[1:])]
    variants = variants_of([path], [f"sampler={','.join(values)}"])
    trials = plan(variants, seeds, registry=registry, profile="none", gpu=torch.cuda.is_available())
    jobs = Jobs(runs=runs, at_once=1, report=lambda line: print(line, file=sys.stderr, flush=True))
    return run_bench(trials, jobs)


def _code(comparison: Comparison) -> str:
    """The commits that the runs were made with."""
    records = [read_json(folder / "environment.json") for row in comparison.rows for folder in row.folders]
    return ", ".join(sorted({code_in_words(record) for record in records}))


def _errors(comparison: Comparison) -> dict[str, Figures]:
    """Held-out errors, by part of the points."""
    rows = zip(RATIOS, comparison.rows, strict=True)
    return {f"{ratio:.0%}": {_key(name): _error(comparison, row, name) for name in ERRORS} for ratio, row in rows}


def _error(comparison: Comparison, row: Row, name: str) -> Mapping[str, object]:
    """One figure of one variant over seeds, its change beside that of all points, and the verdict."""
    first, judged = comparison.rows[0].mean(name), row.judged.get(name)
    found = {"mean": row.mean(name), "sd": row.sd(name), "values": list(row.values[name])}
    if judged is None:
        return found
    change = judged.difference / first if judged.difference is not None and first else None
    return {**found, "change": change, "verdict": judged.verdict}


def _recipe(path: Path, ratio: float, registry: Registry) -> Recipe:
    settings = ["sampler.use=dense"] if ratio == 1 else [f"sampler={{use='uniform', fraction={ratio}}}"]
    gpu = torch.cuda.is_available()
    return load_recipe(path, registry=registry, settings=settings, profile="none", gpu=gpu).recipe


class _Meter:
    """A system on made-up fields whose steps are measured."""

    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        self._steps = Steps(recipe, registry)
        fields, self._simulator = self._steps.fields, self._steps.system.simulator
        with torch.no_grad():
            self._latent = self._simulator.encode(fields.values[:, 0], fields.parameters)
        (step,) = self._steps.batches.steps("benchmark", 0, 1, 1)
        self._points = step.points
        self._step()

    def measure(self, steps: int) -> Cost:
        """The median of some steps and decodings, and the most memory of a step."""
        memory = _peak_mib(self._step)
        step, decoder = (median(seconds(call) for _ in range(steps)) for call in (self._step, self._decode))
        return Cost(step=step, decoder=decoder, memory=memory)

    def _step(self) -> None:
        self._steps.take(0)

    def _decode(self) -> None:
        points = self._points
        self._simulator.decode(self._latent, points.coordinates, points.index).square().mean().backward()


def _peak_mib(call: Callable[[], None]) -> float | None:
    """Most memory above that before the call: of the allocator on a GPU, else of the process, as Linux tells it."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        return (torch.cuda.max_memory_allocated() - before) / 1024**2
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what earlier steps left over would hide this one's
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    before_mib = _status_mib("VmRSS")
    call()
    return _status_mib("VmHWM") - before_mib


def _status_mib(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))


def _page(record: Mapping[str, Any]) -> str:
    made = record["made"]
    lines = [
        "# Query sampling: what it saves and what it costs",
        "",
        f"Generated by `{made['command']}`; {made['device']}, torch {made['torch']}, code {made['code']}, "
        f"{made['date']}. Dense and sampled steps take turns in one process, on made-up fields; batch 4, one predicted "
        "frame, losses `relative_l2` and `inverse_encoding`, sampler `uniform`. Ratios are taken to the dense step of "
        "the same repetition; mean ± sd over repetitions.",
        "",
        "A loss or guard that reads the whole grid has everything decoded: then sampling saves nothing.",
    ]
    for case in (each for name, each in record.items() if name != "made"):
        lines += ["", f"## {case['title']}", "", *_table(case["parts"], COSTS)]
        if case["trained_steps"]:
            lines += [
                "",
                f"Held-out errors after {case['trained_steps']} steps of training on real data (code "
                f"{case['trained_with']}): a short training, far from converged, with as many steps for all. "
                + STATED_TEST[0].upper()
                + STATED_TEST[1:]
                + ".",
                "",
                *_table(case["parts"], {_key(name): name for name in ERRORS}),
            ]
    return "\n".join(lines) + "\n"


def _table(parts: Mapping[str, Any], columns: Mapping[str, str]) -> list[str]:
    """One row a part of the points; columns are titles by figure."""
    rows = [[part, *(_cell(found.get(name)) for name in columns)] for part, found in parts.items()]
    return [f"| {' | '.join(row)} |" for row in (["points", *columns.values()], ["---"] * (1 + len(columns)), *rows)]


def _cell(figure: Mapping[str, Any] | None) -> str:
    """`0.0123 ± 0.0004 (+1.2 %, within noise)`; `–` for what is not there."""
    if figure is None:
        return "–"
    spread = "" if figure["sd"] is None else f" ± {number(figure['sd'], digits=2)}"
    change = f"{100 * figure['change']:+.1f} %, " if figure.get("change") is not None else ""
    beside = f" ({change}{figure['verdict']})" if "verdict" in figure else ""
    return f"{number(figure['mean'])}{spread}{beside}"


def _key(name: str) -> str:
    """`2_d_128` for `2-D 128²`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


if __name__ == "__main__":
    sys.exit(main())
