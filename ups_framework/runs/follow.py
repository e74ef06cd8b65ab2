"""`python -m ups_framework.runs.follow FOLDER REPOSITORY`: shows a run in Aim while it runs, in a process of its own.

The process that trains starts it, and holds its standard input: when that ends, in whatever way, the rest is shown and
the run is shown as ended. What goes wrong is one line on standard output. Nothing of Aim's is where a run trains.
"""

import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ups_framework.runs.folder import RunFolder

POLL_SECONDS = 1.0
"""Between two looks at the folder."""

RETRY_SECONDS = 20.0
"""Between two looks after something went wrong."""

LAST_SECONDS = 300.0
"""After the run has ended this process ends too, even if Aim hangs."""

NICE = 10
"""Training goes first."""

SHARE = 0.005
"""Of a processor, that this process may have taken when it draws a picture beside a run that keeps all of them busy."""


def follow(folder: RunFolder, repository: str, tell: "Teller") -> None:
    """Show the run until it has ended; after something went wrong, try again now and then, and once at the end."""
    try:
        from ups_framework.runs.aim_run import import_aim

        aim = import_aim()
    except Exception as error:  # a foreign package under any version of its own dependencies: anything may be raised
        tell.once(f"no tracking: Aim does not load ({_one_line(error)}); {folder.path} has all there is")
        return
    ended, begun = False, time.monotonic()
    while problems := _problems(aim, folder, repository, begun):
        tell.once(f"Aim cannot show everything ({problems[0]}); the run goes on, and its folder has all there is")
        if ended:
            return
        ended = _run_has_ended(RETRY_SECONDS)


def _problems(aim: Any, folder: RunFolder, repository: str, begun: float) -> list[str]:
    """Show the run until it has ended, or until something goes wrong: what it was."""
    from ups_framework.runs.showing import shown

    try:
        with shown(aim, repository, folder, print) as mirror:
            while not (problems := mirror.update(lambda: _may_draw(time.monotonic() - begun))):
                if _run_has_ended(POLL_SECONDS):
                    return mirror.update()
            return problems
    except Exception as error:  # whatever Aim raises, and whatever the disk does
        return [_one_line(error)]


def _may_draw(seconds: float) -> bool:
    """Whether a processor is idle, or this process took less than its share of one in so many seconds."""
    return _processors() - os.getloadavg()[0] > 0.5 or time.process_time() < SHARE * seconds


def _processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class Teller:
    """Prints the first problem and no other."""

    def __init__(self) -> None:
        self._told = False

    def once(self, line: str) -> None:
        """Print a line, unless one was printed."""
        if not self._told:
            self._told = True
            print(line, flush=True)


def _run_has_ended(seconds: float) -> bool:
    """Whether whoever holds our standard input is gone, or goes within that time."""
    ended = bool(select.select([sys.stdin], [], [], seconds)[0])
    if ended:
        timer = threading.Timer(LAST_SECONDS, os._exit, [1])
        timer.daemon = True
        timer.start()
    return ended


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


if __name__ == "__main__":
    os.nice(NICE)
    follow(RunFolder(Path(sys.argv[1])), sys.argv[2], Teller())
