"""Fifty short runs, and what it takes to look at them: commands, Aim's pages in a browser, and tracking itself.

    python benchmarks/experiments.py            # makes the runs (minutes; once), then times everything
    python benchmarks/experiments.py --quick    # two runs, each command once, no browser: whether it works

Writes experiments.json beside this file; with --quick it prints it, and writes only to --out.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median

import torch
from experiments_list import Fifty, make

from ups_framework.runs.environment import environment

Figures = Mapping[str, object]

TRACKED = "recipes/burgers_phase4.toml"
"""The recipe in whose training the cost of tracking is measured."""


def main() -> int:
    """Make, time and write."""
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as `ups` does: waiting threads must not slow others
    arguments = _parse()
    fifty = make(arguments.runs, quick=arguments.quick, at_once=arguments.jobs)
    record: dict[str, object] = {**_machine(), "runs": len(fifty.trials)}
    record["commands"] = {name: _timed(command, arguments.repeats) for name, command in _commands(fifty).items()}
    if not arguments.quick:
        record["pages"] = _pages(fifty, arguments.repeats)
        record["tracking"] = {f"{cores} core{'s' * (cores > 1)}": _tracking(arguments, cores) for cores in (2, 1)}
    text = json.dumps(record, indent=2) + "\n"
    _print(record)
    out = arguments.out or (None if arguments.quick else Path(__file__).with_suffix(".json"))
    if out is not None:
        out.write_text(text, encoding="utf-8")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="whether everything runs, in seconds")
    parser.add_argument("--repeats", type=int, default=5, help="of each command and page; the median counts [5]")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time [2]")
    parser.add_argument("--steps", type=int, default=1500, help="of the run in which tracking is measured [1500]")
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"), help="folder of everything")
    parser.add_argument("--out", type=Path, help="file to write [experiments.json beside this one]")
    return parser.parse_args()


def _machine() -> dict[str, object]:
    facts = environment([])
    wanted = ("python", "torch", "processor", "cpu_count", "platform")
    git = facts["git"]
    commit = git["commit"] if isinstance(git, dict) else None
    threads, load = torch.get_num_threads(), round(os.getloadavg()[0], 1)
    made = {"date": date.today().isoformat(), "commit": commit, "threads": threads, "load_before": load}
    return made | {name: facts[name] for name in wanted}


def _commands(fifty: Fifty) -> dict[str, list[str]]:
    runs = str(fifty.runs)
    some = [str(fifty.folders(variant)[0]) for variant in dict.fromkeys(trial.variant for trial in fifty.trials)][:3]
    some = some if len(some) == 3 else [str(trial.folder(fifty.runs)) for trial in fifty.trials]
    conditions = ["--where", "latent.tokens=8", "--where", "rollout.nrmse<10", "--sort", "rollout.nrmse"]
    return {
        "ups runs": ["runs", "list", runs],
        "ups runs --where": ["runs", "list", runs, *conditions],
        "ups show": ["show", some[0]],
        "ups compare A B C": ["compare", *some],
        "ups board": ["board", runs],
        "ups board --html": ["board", runs, "--html", str(fifty.runs.parent / "board.html")],
    }


def _timed(command: Sequence[str], repeats: int) -> Figures:
    """A command as a process of its own: seconds by the clock, and on a processor."""
    ups = Path(sys.executable).with_name("ups")
    wall, cpu = [], []
    for _ in range(repeats):
        before, started = _cpu_seconds(), time.perf_counter()
        subprocess.run([ups, *command], check=True, capture_output=True)
        wall.append(round(time.perf_counter() - started, 3))
        cpu.append(_cpu_seconds() - before)
    return {"seconds": median(wall), "cpu_seconds": round(median(cpu), 3), "each": wall}


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _pages(fifty: Fifty, repeats: int) -> dict[str, Figures]:
    """Each explorer, first with an empty cache, until it shows all runs or the first pictures."""
    from aim_pages import SHOWS, pages

    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SHOWS}
    with pages(fifty.runs) as opened:
        for _ in range(repeats + 1):
            for name, each in found.items():
                each.append(opened.open(name, count=len(fifty.trials), word="seed-0"))
    return {name: _page(each) for name, each in found.items()}


def _page(each: Sequence[tuple[float, float]]) -> Figures:
    wall, cpu = ([round(taken, 2) for taken in series] for series in zip(*each, strict=True))
    return {"seconds": median(wall[1:]), "first": wall[0], "cpu_seconds": median(cpu[1:]), "each": wall[1:]}


def _tracking(arguments: argparse.Namespace, cores: int) -> Figures:
    """What showing a run in Aim takes of a training step, with one thread on so many cores."""
    script = [sys.executable, str(Path(__file__).with_name("tracking_cost.py")), TRACKED, "--cores", str(cores)]
    options = ["--steps", str(arguments.steps), "--runs", str(arguments.runs / "tracking")]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*script, *options], check=True, stdout=subprocess.PIPE, text=True, env=alone)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return {"recipe": TRACKED, "steps": arguments.steps, **figures}


def _print(record: Mapping[str, object]) -> None:
    for kind in ("commands", "pages", "tracking"):
        table = record.get(kind, {})
        assert isinstance(table, dict)
        for name, figures in table.items():
            shown = ", ".join(f"{key} {value}" for key, value in figures.items() if key != "each")
            print(f"{name:<32} {shown}")


if __name__ == "__main__":
    sys.exit(main())
