"""A table of accuracy and cost, ours beside peers: trains what is missing, then writes results/NAME.json.

    python benchmarks/tables.py apebench                 # three seeds, one run at a time
    python benchmarks/tables.py burgers_001 burgers_001_time --jobs 2
    python benchmarks/tables.py apebench --quick         # a few steps, one seed: whether everything runs

Tables are listed in tables_list.py; results.py makes the page docs/results.md of what they found. Runs are kept below
runs/tables, all tables' together: the same command goes on where it was stopped, repeats none that is done, and takes
finished runs of the same recipes that lie there. On a GPU recipes have their full sizes, and what is written is
results/NAME_gpu.json, which the page shows below what a CPU made. With --quick nothing is written but to --out.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from attrs import evolve
from equal_time import paces
from results_tables import ON_GPU, table_text
from table_record import Found, record_of
from tables_list import TABLES, Entry, Table

from ups_framework.errors import UpsError
from ups_framework.plugins import Registry, load_plugins
from ups_framework.runs.bench_jobs import Jobs
from ups_framework.runs.bench_plan import Trial, Variant, plan
from ups_framework.runs.records import Record, write_json

HERE = Path(__file__).parent
ROUNDS, QUICK_ROUNDS = 5, 1
"""How often step times are measured where trainings should take equally long."""

_QUICK = ("data.train=4", "data.validation=2", "data.test=2", "training.batch=2", "tracking.aim=false")
_QUICK_STEPS = 6


def main() -> int:
    """Run the tables, write their JSON and print them."""
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as `ups` does: threads that wait leave the others alone
    arguments = _parse()
    tables = {table.name: table for table in TABLES}
    out: Path | None = arguments.out or (None if arguments.quick else HERE / "results")
    failed = False
    for name in arguments.names:
        try:
            record = _record(tables[name], arguments)
        except KeyboardInterrupt:
            print("stopped: the same command goes on", file=sys.stderr)
            return 130
        except UpsError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            write_json(out / f"{name}{ON_GPU if torch.cuda.is_available() else ''}.json", record)
        print(table_text(record))
        failed |= any(entry["failures"] for entry in record["entries"].values())
    return 1 if failed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [table.name for table in TABLES]
    parser.add_argument("names", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="a few steps and one seed: no verdicts")
    parser.add_argument("--seeds", type=_numbers, help="seeds, as 0,1,2 [the table's]")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time [1]; more than one disturbs the times")
    parser.add_argument("--runs", type=Path, default=Path("runs/tables"), help="folder of the runs [runs/tables]")
    parser.add_argument("--out", type=Path, help="folder of NAME.json [results beside this file]")
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _record(table: Table, arguments: argparse.Namespace) -> Record:
    """Everything about one table, after its missing runs."""
    seeds = (0,) if arguments.quick else arguments.seeds or table.seeds
    runs = arguments.runs / "quick" if arguments.quick else arguments.runs
    found = planned(table, seeds, runs, load_plugins(), quick=arguments.quick)
    jobs = Jobs(runs=runs, at_once=arguments.jobs, report=_say)
    found = evolve(found, failures=jobs.finish(found.trials))
    return record_of(table, found, runs, _command(table, arguments), seeds)


def planned(table: Table, seeds: Sequence[int], runs: Path, registry: Registry, *, quick: bool) -> Found:
    """The runs of all entries that are installed and fit, with steps for equal times where the table asks for them."""
    missing = {entry.name: why for entry in table.entries if (why := _not_installed(entry))}
    settings = {entry.name: entry.settings for entry in table.entries if entry.name not in missing}
    if quick:
        settings = {name: (*own, *_quick(_entry(table, name), registry)) for name, own in settings.items()}
    trials = {name: _trials(_entry(table, name), own, seeds, registry) for name, own in settings.items()}
    if not table.time_of:
        return Found(trials=[trial for own in trials.values() for trial in own], missing=missing)
    if table.time_of not in trials:
        reason = f"no time to be equal to: {table.time_of} is {missing[table.time_of]}"
        return Found(missing={entry.name: missing.get(entry.name, reason) for entry in table.entries})
    _say("timing training steps of all entries in turn")
    first = {name: own[0] for name, own in trials.items()}
    rounds = QUICK_ROUNDS if quick else ROUNDS
    found = paces(first, table.time_of, registry, runs / "paces.json", rounds)
    timed = [
        trial
        for name, own in settings.items()
        for trial in _trials(_entry(table, name), (*own, *found[name].settings), seeds, registry)
    ]
    return Found(trials=timed, missing=missing, paces=found)


def _entry(table: Table, name: str) -> Entry:
    return next(entry for entry in table.entries if entry.name == name)


def _not_installed(entry: Entry) -> str:
    """What of the modules that it needs is not there."""
    absent = [name for name in entry.needs if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def _trials(entry: Entry, settings: Sequence[str], seeds: Sequence[int], registry: Registry) -> list[Trial]:
    recipe = HERE.parent / "recipes" / f"{entry.recipe}.toml"
    variant = Variant(label=entry.name, recipe=recipe, settings=tuple(settings))
    return plan([variant], seeds, registry=registry, gpu=torch.cuda.is_available())


def _quick(entry: Entry, registry: Registry) -> tuple[str, ...]:
    """What makes its recipe a matter of seconds."""
    (trial,) = _trials(entry, entry.settings, (0,), registry)
    stages = trial.recipe.stages.items()
    return (*_QUICK, *(f"stages.{name}.steps={min(stage.steps, _QUICK_STEPS)}" for name, stage in stages))


def _command(table: Table, arguments: argparse.Namespace) -> str:
    seeds = f" --seeds {','.join(map(str, arguments.seeds))}" if arguments.seeds else ""
    jobs = f" --jobs {arguments.jobs}" if arguments.jobs > 1 else ""
    return f"python benchmarks/tables.py {table.name}{seeds}{jobs}{' --quick' if arguments.quick else ''}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
