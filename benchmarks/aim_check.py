"""Whether Aim holds what a run's folder has: each step of each series once, with the folder's value, and no lock."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ups_framework.runs import shown
from ups_framework.runs.aim_run import import_aim, runs_of
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.locks import is_held
from ups_framework.runs.records import read_jsonl
from ups_framework.runs.shown import Point

Key = tuple[str, frozenset[tuple[str, str]]]
"""Name and context of a series."""

Number = tuple[Key, int, float]
"""Series, step and value."""


def untrue(folder: RunFolder) -> list[str]:
    """Print what Aim holds of the only run of a runs folder; in what it differs from the folder."""
    runs = folder.path.parent
    ours, wanted = runs_of(import_aim(), str(runs.resolve())), Counter(_recorded(folder))
    print(f"folder: {len({key for key, _, _ in wanted})} series of {wanted.total()} points")
    problems = [f"Aim holds {len(ours)} runs of one folder"] if len(ours) != 1 else []
    for run in ours:
        found = Counter(_stored(run))
        twice = [key for key, count in _places(found).items() if count > 1]
        print(f"Aim: {len({key for key, _, _ in found})} series of {found.total()} points, {len(twice)} steps twice")
        problems += [f"twice in Aim: {key}" for key in twice[:5]]
        problems += [f"not in Aim: {number}" for number in list(wanted - found)[:5]]
        problems += [f"in Aim alone: {number}" for number in list(found - wanted)[:5]]
        problems += ["Aim does not show it as ended"] if run.end_time is None else []
    return [*problems, *_locks(folder)]


def tracker(pid: int) -> int | None:
    """The process that shows in Aim what process `pid` trains, as Linux tells it; None if there is none."""
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            if b"ups_framework.runs.follow" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return None


def _recorded(folder: RunFolder) -> Iterator[Number]:
    """Each number of `metrics.jsonl` and `audit.jsonl`."""
    for record in read_jsonl(folder.metrics):
        yield from map(_number, shown.of_metrics(record))
    for record in read_jsonl(folder.audit):
        yield from map(_number, shown.of_audit(record))


def _number(point: Point) -> Number:
    return (point.name, frozenset(point.context.items())), point.step, point.value


def _stored(run: Any) -> Iterator[Number]:  # Aim is untyped
    """Each number of an Aim run, but those of the evaluation, which are in neither file."""
    for metric in run.metrics():
        key = metric.name, frozenset(metric.context.to_dict().items())
        steps, (values, _, _) = metric.data.numpy()
        if ("subset", "test") not in key[1]:
            yield from ((key, int(step), float(value)) for step, value in zip(steps, values, strict=True))


def _places(numbers: Counter[Number]) -> Counter[tuple[Key, int]]:
    """How often each step of each series is there."""
    places: Counter[tuple[Key, int]] = Counter()
    for (key, step, _), count in numbers.items():
        places[key, step] += count
    return places


def _locks(folder: RunFolder) -> list[str]:
    """Print the files of locks; those that are held, and those that Aim forgot."""
    runs = folder.path.parent
    forgotten = sorted(path.name for path in (runs / ".aim" / "locks").iterdir())
    held = [path.name for path in (folder.lock, runs / ".aim.lock") if is_held(path)]
    partial = [path.name for path in folder.path.rglob("*.partial")]
    print(f"locks: {len(held)} held, {len(forgotten)} left in .aim/locks; {len(partial)} half-written files")
    return [f"left behind: {name}" for name in (*held, *forgotten, *partial)]
