"""Aim's store made like the run folders again: after it was deleted, or where folders came from elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from ups_framework.errors import RunError
from ups_framework.runs import aim_run
from ups_framework.runs.aim_link import read_link
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.mirror import is_shown
from ups_framework.runs.records import read_json
from ups_framework.runs.run_record import RunRecord
from ups_framework.runs.runs_folder import read_runs
from ups_framework.runs.showing import shown
from ups_framework.runs.status import one_line

Outcome = Literal["shown", "current", "skipped", "failed"]
"""`shown`: Aim did not have everything. `current`: it had. `skipped`: a process works on the run, and shows it."""

Aim = Any  # Aim is untyped


@frozen(kw_only=True)
class Synced:
    """What became of one run."""

    name: str
    """Path of its folder below the folder of all runs; of a run without a folder what Aim calls it."""

    outcome: Outcome | Literal["gone"]
    """`gone`: Aim has the run, and its folder is not there any more."""

    reason: str = ""
    """Why it was skipped or failed; of a run without a folder its name in Aim's commands."""


def sync(runs: Path, report: Callable[[str], None]) -> list[Synced]:
    """Show in the Aim repository of `runs` whatever the folders of runs have and it has not.

    Doing it twice is doing it once. `report` hears what takes long. RunError if there is no such folder, or if Aim
    does not load where there is something to do.
    """
    found = [record for record in read_runs(runs) if record.status != "foreign"]
    return [*(_synced(record, runs, report) for record in found), *_without_folder(runs)]


def _synced(record: RunRecord, runs: Path, report: Callable[[str], None]) -> Synced:
    if record.status == "active":
        return Synced(name=record.name, outcome="skipped", reason="a process works on it, and shows it")
    repository = os.path.abspath(runs)
    try:
        if _is_current(record.folder, repository):
            return Synced(name=record.name, outcome="current")
        with shown(_aim(), repository, record.folder, report) as mirror:
            problems = mirror.update()
    except RunError as error:
        problems = [str(error)]
    except Exception as error:  # whatever Aim raises, the other runs are shown
        problems = [f"{type(error).__name__}: {error}"]
    if problems:
        return Synced(name=record.name, outcome="failed", reason=one_line("; ".join(problems)))
    return Synced(name=record.name, outcome="shown")


def _is_current(folder: RunFolder, repository: str) -> bool:
    link = read_link(folder)
    if link is None or link.repository != repository:
        return False
    return aim_run.has_run(repository, link.run_hash) and is_shown(folder, link)


def _without_folder(runs: Path) -> list[Synced]:
    """Runs that Aim has, and no folder below `runs`, the archive included."""
    links = [path for path in runs.rglob(RunFolder(runs).aim.name) if path.is_file()]
    known = {read_json(path).get("run_hash") for path in links}
    chunks = runs / ".aim/meta/chunks"
    lost = {path.name for path in chunks.iterdir()} - known if chunks.exists() else set()
    if not lost:
        return []
    ours = [run for run in aim_run.runs_of(_aim(), os.path.abspath(runs)) if run.hash in lost]
    return [Synced(name=str(run.name), outcome="gone", reason=run.hash) for run in ours]


def _aim() -> Aim:
    try:
        return aim_run.import_aim()
    except Exception as error:  # a foreign package under any version of its own dependencies: anything may be raised
        raise RunError(
            f"Aim does not load ({type(error).__name__}: {error}); it is installed for Python 3.11 and 3.12 only, and "
            "the run folders and their reports have all there is"
        ) from error
