"""What supervising part of the points saves and costs: dense and sampled steps in turn in one process.

    python benchmarks/query_sampling.py            # some 20 minutes on two idle cores
    python benchmarks/query_sampling.py --quick    # tiny grids, one repetition, nothing trained: whether it runs

Writes query_sampling.md beside this file; with --quick it prints it, and writes only to --out. The losses are
relative_l2 and inverse_encoding: where a loss or guard reads the whole grid, everything is decoded and nothing saved.
"""

import argparse
import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from statistics import fmean, median, stdev

import torch
from attrs import frozen
from step_time import Steps

from ups_framework.engine.stopwatch import seconds
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import Recipe, load_recipe
from ups_framework.runs.bench import run_bench
from ups_framework.runs.bench_jobs import Jobs
from ups_framework.runs.bench_plan import plan, variants_of
from ups_framework.runs.bench_rows import STATED_TEST, Comparison
from ups_framework.runs.bench_tables import mean_and_sd

RATIOS = (1.0, 0.5, 0.3, 0.1)

_RECIPE = """
extends = "{extends}"

[data]
{data}

[optimizer]
learning_rate = 2e-3

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
    lines = _header(arguments)
    for case in cases:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{case.name.replace(' ', '_')}.toml"
        path.write_text(case.recipe(), encoding="utf-8")
        lines += ["", f"## {case.name}", "", *_timed(path, registry, repetitions, steps)]
        if case.steps:
            lines += ["", *_trained(path, registry, range(repetitions), folder / path.stem, case.steps)]
        print("\n".join(lines[-12:]), file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    out = arguments.out or (None if arguments.quick else Path(__file__).with_suffix(".md"))
    if out is not None:
        out.write_text(text, encoding="utf-8")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="whether everything runs, in some seconds")
    parser.add_argument("--seeds", type=int, default=3, help="repetitions of the timing, and seeds of the training [3]")
    parser.add_argument("--steps", type=int, default=5, help="steps that are timed in each repetition [5]")
    parser.add_argument("--runs", type=Path, default=Path("runs/query_sampling"), help="folder of the runs")
    parser.add_argument("--out", type=Path, help="file to write [query_sampling.md beside this one]")
    return parser.parse_args()


def _header(arguments: argparse.Namespace) -> list[str]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return [
        "# Query sampling: what it saves and what it costs",
        "",
        f"Generated by `python benchmarks/query_sampling.py{' --quick' if arguments.quick else ''}`; {device}, torch "
        f"{torch.__version__}, {date.today().isoformat()}. Dense and sampled steps take turns in one process, on "
        "made-up fields; batch 4, one predicted frame, losses `relative_l2` and `inverse_encoding`, sampler `uniform`. "
        "Ratios are taken to the dense step of the same repetition; mean ± sd over repetitions.",
        "",
        "A loss or guard that reads the whole grid has everything decoded: then sampling saves nothing.",
    ]


def _timed(path: Path, registry: Registry, repetitions: int, steps: int) -> list[str]:
    """The table of times and memory."""
    meters = {ratio: _Meter(_recipe(path, ratio, registry), registry) for ratio in RATIOS}
    costs: dict[float, list[Cost]] = {ratio: [] for ratio in RATIOS}
    for _ in range(repetitions):
        for ratio, meter in meters.items():
            costs[ratio].append(meter.measure(steps))
    lines = [
        "| points | step, ms | dense / sampled | decoder, ms | dense / sampled | memory, MiB | sampled / dense |",
        "|---|---|---|---|---|---|---|",
    ]
    dense = costs[1.0]
    for ratio, own in costs.items():
        step, decoder, memory = ([getattr(cost, name) for cost in own] for name in ("step", "decoder", "memory"))
        known = all(value is not None for value in memory) and all(cost.memory for cost in dense)
        cells = [
            _spread([1000 * each for each in step]),
            _spread([whole.step / part for whole, part in zip(dense, step, strict=True)]),
            _spread([1000 * each for each in decoder]),
            _spread([whole.decoder / part for whole, part in zip(dense, decoder, strict=True)]),
            _spread(memory) if known else "–",
            _spread([part / (whole.memory or 1) for whole, part in zip(dense, memory, strict=True)]) if known else "–",
        ]
        lines.append(f"| {ratio:.0%} | {' | '.join(cells)} |")
    return lines


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
        self._points = step.points.coordinates
        self._step()

    def measure(self, steps: int) -> Cost:
        """The median of some steps and decodings, and the most memory of a step."""
        memory = _peak_mib(self._step)
        step, decoder = (median(seconds(call) for _ in range(steps)) for call in (self._step, self._decode))
        return Cost(step=step, decoder=decoder, memory=memory)

    def _step(self) -> None:
        self._steps.take(0)

    def _decode(self) -> None:
        self._simulator.decode(self._latent, self._points).square().mean().backward()


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


def _trained(path: Path, registry: Registry, seeds: Sequence[int], runs: Path, steps: int) -> list[str]:
    """The table of errors after a short training."""
    values = ["{use='dense'}", *(f"{{use='uniform', fraction={ratio}}}" for ratio in RATIOS[1:])]
    variants = variants_of([path], [f"sampler={','.join(values)}"])
    trials = plan(variants, seeds, registry=registry, profile="none", gpu=torch.cuda.is_available())
    report = Jobs(runs=runs, at_once=1, report=lambda line: print(line, file=sys.stderr, flush=True))
    comparison = run_bench(trials, report)
    figures = ("one-step nrmse", "rollout nrmse")
    return [
        f"Held-out errors after {steps} steps of training on real data: a short training, far from converged, with as "
        f"many steps for all. {STATED_TEST[0].upper()}{STATED_TEST[1:]}.",
        "",
        f"| points | {' | '.join(figures)} |",
        "|---|---|---|",
        *(_errors(comparison, index, ratio, figures) for index, ratio in enumerate(RATIOS)),
    ]


def _errors(comparison: Comparison, index: int, ratio: float, figures: Sequence[str]) -> str:
    row, dense = comparison.rows[index], comparison.rows[0]
    cells = []
    for figure in figures:
        judged, first = row.judged.get(figure), dense.mean(figure)
        beside = ""
        if judged is not None:
            part = f"{100 * judged.difference / first:+.1f} %, " if judged.difference is not None and first else ""
            beside = f" ({part}{judged.verdict})"
        cells.append(mean_and_sd(row, figure) + beside)
    return f"| {ratio:.0%} | {' | '.join(cells)} |"


def _spread(values: Sequence[float]) -> str:
    sd = f" ± {stdev(values):.2g}" if len(values) > 1 else ""
    return f"{fmean(values):.3g}{sd}"


if __name__ == "__main__":
    sys.exit(main())
