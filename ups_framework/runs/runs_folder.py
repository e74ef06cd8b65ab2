"""All runs below a folder."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.keeping import ARCHIVE
from ups_framework.runs.read_run import read_run
from ups_framework.runs.run_record import RunRecord

_DEEPEST = 4
"""Levels of folders that are looked through: `runs/bench/<recipe>/<run>` has three."""

_ARCHIVES = (ARCHIVE, f"*/{ARCHIVE}", f"*/*/{ARCHIVE}")
"""Where the archive of a folder may be whose runs are all in it."""


def read_runs(runs: Path) -> list[RunRecord]:
    """The runs below `runs` by name, and folders there that hold none; hidden ones, as the archive is, are left out.

    RunError if there is no such folder, or if it is itself the folder of a run.
    """
    if not runs.is_dir():
        raise RunError(f"{runs}: no such folder of runs")
    if RunFolder(runs).recipe.exists():
        raise RunError(f"{runs}: is the folder of one run; give the folder of all, such as {runs.parent}")
    now = time.time()
    return [read_run(path, path.relative_to(runs).as_posix(), now=now) for path in _folders(runs, _DEEPEST)]


def named_runs(paths: Sequence[Path]) -> list[RunRecord]:
    """Runs by their paths, called by the name of the folder, or by the path where two have one name.

    RunError if one is no run, or a file of it is damaged.
    """
    names = [RunFolder.open_begun(path).name for path in paths]
    called = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    records = [read_run(path, name) for name, path in zip(called, paths, strict=True)]
    for record in records:
        if record.status == "broken":
            raise RunError(f"{record.folder.path}: {record.problem}")
    return records


def _folders(folder: Path, levels: int) -> Iterator[Path]:
    """Folders of runs, and those that hold none at any level."""
    for path in _inside(folder):
        below = [] if levels == 1 or RunFolder(path).recipe.exists() else list(_folders(path, levels - 1))
        if any(RunFolder(found).recipe.exists() for found in below):
            yield from below
        elif not any(found for pattern in _ARCHIVES for found in path.glob(pattern)):
            yield path


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(
            Path(entry.path) for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(".")
        )
    except OSError:
        return []  # what cannot be looked into is listed as a folder that is no run's
