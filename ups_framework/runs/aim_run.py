"""The Aim run that shows a run folder: made once, found again on resume."""

import importlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ups_framework.runs.folder import RunFolder
from ups_framework.runs.locks import in_turn
from ups_framework.runs.records import read_json, write_json

EXPERIMENT = "ups"
"""Name under which Aim groups the runs of all recipes."""

Aim = Any  # Aim is untyped


def open_run(
    aim: Aim,
    *,
    runs: Path,
    folder: RunFolder,
    parameters: Mapping[str, object],
    report: Callable[[str], None],
) -> Aim:
    """The live Aim run of a folder, in the repository of `runs`, which is made if need be.

    Its hash is kept in the folder. If Aim no longer has that run, a new one begins and `report` is told.
    """
    _make_repository(aim, runs)
    run = _continued(aim, runs, folder, report)
    if run is None:
        run = _new(aim, runs, None)
    write_json(folder.aim, {"run_hash": run.hash, "repository": str(runs.resolve())})
    run.name = folder.name
    run.description = f"run folder {folder.path.resolve()}"
    for name, value in parameters.items():
        run[name] = value
    if folder.environment.exists():
        run["environment"] = read_json(folder.environment)
    return run


def _make_repository(aim: Aim, runs: Path) -> None:
    """Make the repository once: processes that make it at the same time break one another."""
    runs.mkdir(parents=True, exist_ok=True)
    with in_turn(runs / ".aim.lock"):
        aim.Repo.from_path(str(runs), init=not (runs / ".aim" / "VERSION").exists())


def _continued(aim: Aim, runs: Path, folder: RunFolder, report: Callable[[str], None]) -> Aim:
    if not folder.aim.exists():
        return None
    # Aim warns that another process may be writing; the folder's own lock says that none is.
    logging.getLogger("aim.sdk.lock_manager").setLevel(logging.ERROR)
    run_hash = read_json(folder.aim)["run_hash"]
    try:
        return _new(aim, runs, run_hash)
    except importlib.import_module("aim.sdk.errors").MissingRunError:
        report(f"Aim has no run {run_hash} any more; tracking begins anew from here")
        return None


def _new(aim: Aim, runs: Path, run_hash: str | None) -> Aim:
    # Aim's own watching of the system and of the terminal is off: one breaks, the other replaces sys.stdout.write.
    return aim.Run(
        run_hash,
        repo=str(runs),
        experiment=EXPERIMENT,
        force_resume=run_hash is not None,
        system_tracking_interval=None,
        capture_terminal_logs=False,
        log_system_params=False,
    )
