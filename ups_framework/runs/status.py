"""`status.json`: how a run's last process ended. Written by the run itself, read by all that lists runs."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Literal

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import Record, read_json, write_json

Outcome = Literal["success", "failed", "stopped"]
"""How a process of a run may end. A killed one writes nothing, and leaves null."""

_LONGEST_PROBLEM = 400


@contextmanager
def recorded(folder: RunFolder, stops: tuple[type[BaseException], ...]) -> Iterator[None]:
    """Write when the work inside began and how it ended; `stops` are raised where it was asked to stop.

    RunError if the start cannot be written. What goes wrong inside is raised on, whatever can be written of it.
    """
    started = _now()
    _write(folder, started, None, None, None)
    try:
        yield
    except stops:
        with suppress(RunError):
            _write(folder, started, _now(), "stopped", None)
        raise
    except Exception as error:
        with suppress(RunError):  # on a full disk, say; the first error is what has to be told
            _write(folder, started, _now(), "failed", one_line(str(error) or type(error).__name__))
        raise
    _write(folder, started, _now(), "success", None)


def read_status(folder: RunFolder) -> Record:
    """What was written last, nothing if there is no such file; RunError if it is damaged."""
    return read_json(folder.status) if folder.status.exists() else {}


def one_line(text: str) -> str:
    """The text on one line, cut where it is very long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_PROBLEM else f"{line[: _LONGEST_PROBLEM - 1]}…"


def _write(folder: RunFolder, started: str, ended: str | None, outcome: Outcome | None, problem: str | None) -> None:
    write_json(folder.status, {"started": started, "ended": ended, "outcome": outcome, "problem": problem})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
