"""Showing a run in Aim while it runs. The run's folder is the truth: another process reads it and shows it.

Tracking never breaks and never blocks training, whatever Aim does: nothing of Aim's is in the process that trains.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ups_framework.recipe.recipe import Tracking
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.showing import repository_of

CLOSING_SECONDS = 30.0
"""How long the end of a run waits for Aim to show the last of it."""

Report = Callable[[str], None]
"""Tells the user one line; it is called from a thread of its own too."""


@contextmanager
def tracked(settings: Tracking, folder: RunFolder, report: Report) -> Iterator[None]:
    """Show the run in `folder`, which the caller has locked, while it works inside the block.

    A run that was shown before goes on in the same Aim run. Where Aim is not installed or does not load (it has no
    build for Python 3.13 and later), says so once.
    """
    if not settings.aim:
        yield
        return
    process = _started(folder, repository_of(str(folder.path.parent), settings.server))
    listener = threading.Thread(target=_pass_on, args=(process, report), name="ups-aim", daemon=True)
    listener.start()
    try:
        yield
    finally:
        _finish(process, folder, report)
        listener.join(1.0)


def _started(folder: RunFolder, repository: str) -> "subprocess.Popen[str]":
    """In a session of its own: Ctrl-C is for the run, whose end this process then sees."""
    command = [sys.executable, "-P", "-m", "ups_framework.runs.follow", str(folder.path.resolve()), repository]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(sys.prefix),
        text=True,
        start_new_session=True,
    )


def _pass_on(process: "subprocess.Popen[str]", report: Report) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            report(line.rstrip())
    process.wait()  # of one that goes on alone, too


def _finish(process: "subprocess.Popen[str]", folder: RunFolder, report: Report) -> None:
    """Let it show the rest. One that takes long goes on by itself for a while, then ends."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        code = process.wait(CLOSING_SECONDS)
    except subprocess.TimeoutExpired:
        report(f"Aim takes longer than {CLOSING_SECONDS:g} s, and goes on alone; {_SYNC.format(folder.path.parent)}")
        return
    if code != 0:
        report(f"what shows the run in Aim ended early (code {code}); {_SYNC.format(folder.path.parent)}")


_SYNC = "should anything be missing there, `ups runs sync {}` shows it from the run's folder"
