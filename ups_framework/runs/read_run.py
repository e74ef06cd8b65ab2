"""The folder of a run → its `RunRecord`, whatever state the folder is in."""

import math
import time
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.gates import read_verdicts
from ups_framework.runs.locks import is_held
from ups_framework.runs.records import Record, read_json
from ups_framework.runs.run_record import Plain, RunRecord, Status
from ups_framework.runs.status import one_line, read_status
from ups_framework.runs.tags import read_tags

STALE_AFTER = 30 * 24 * 3600.0
"""Seconds after which a stopped run counts as stale."""

_TABLES = ("data", "encoder", "operator", "decoder", "stages")
"""Tables that every resolved recipe has."""


def read_run(path: Path, name: str, *, now: float | None = None) -> RunRecord:
    """The run in a folder. What is wrong with it is said in the record, and raised nowhere."""
    folder = RunFolder(path)
    if not folder.recipe.exists():
        return RunRecord(
            folder=folder, name=name, status="foreign", problem="has no recipe.toml: no folder of a run", changed=0.0
        )
    recipe: Plain = {}
    try:
        recipe = _recipe(folder)
        status = read_status(folder)
        evaluation = _evaluation(folder)
        changed = _changed(folder, status)
        state, problem = _state(folder, status, bool(evaluation), (time.time() if now is None else now) - changed)
        return RunRecord(
            folder=folder,
            name=name,
            status=state,
            problem=problem,
            changed=changed,
            tags=read_tags(folder),
            recipe=recipe,
            evaluation=evaluation,
            verdicts=read_verdicts(folder),
        )
    except RunError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{error.filename or path}: cannot be read ({error.strerror})"
    problem = one_line(problem.removeprefix(f"{path}/"))
    return RunRecord(folder=folder, name=name, status="broken", problem=problem, changed=0.0, recipe=recipe)


def _state(folder: RunFolder, status: Record, evaluated: bool, age: float) -> tuple[Status, str]:
    """What the run is, and why. Its report is the last thing that a run writes."""
    if is_held(folder.lock):
        return "active", ""
    if evaluated and folder.report.exists():
        return "success", ""
    if status.get("outcome") == "failed":
        return "failed", str(status.get("problem"))
    return ("stale" if age > STALE_AFTER else "stopped"), ""


def _changed(folder: RunFolder, status: Record) -> float:
    ended = status.get("ended")
    if ended is None:  # still at work, or killed
        files = (folder.recipe, folder.status, folder.metrics, folder.evaluation)
        return max(file.stat().st_mtime for file in files if file.exists())
    try:
        return datetime.fromisoformat(ended).timestamp()
    except (ValueError, TypeError) as error:
        raise RunError(f"{folder.status}: is damaged: 'ended' is no time") from error


def _recipe(folder: RunFolder) -> Plain:
    try:
        recipe = tomllib.loads(folder.recipe.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{folder.recipe}: is damaged ({error})") from error
    missing = [name for name in _TABLES if not isinstance(recipe.get(name), dict)]
    missing += [f"{name}.use" for name in _TABLES[:4] if name not in missing and "use" not in recipe[name]]
    if missing or not isinstance(recipe.get("seed"), int):
        raise RunError(f"{folder.recipe}: no resolved recipe, since it lacks {(missing or ['seed'])[0]!r}")
    return recipe


def _evaluation(folder: RunFolder) -> Record:
    if not folder.evaluation.exists():
        return {}
    evaluation = read_json(folder.evaluation)
    try:
        _check(evaluation)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunError(f"{folder.evaluation}: is damaged, or no file that ups wrote ({error!r})") from error
    return evaluation


def _check(evaluation: Record) -> None:
    """Raise where a figure that commands read is no number."""
    dict(evaluation["protocol"])
    model = evaluation["rows"]["model"]
    for horizon in ("one_step", "rollout"):
        dict(model[horizon])
    for value in _figures(evaluation):
        if value is not None:
            math.isfinite(value)


def _figures(evaluation: Record) -> Iterator[Any]:  # JSON values that should be numbers
    for row in evaluation["rows"].values():
        for horizon in row.values():
            yield from (value for value in horizon.values() if not isinstance(value, list | dict))
    for scores in evaluation.get("super_resolution", {}).values():
        yield from scores.values()
    yield from (value for value in evaluation.get("cost", {}).values() if not isinstance(value, dict))
