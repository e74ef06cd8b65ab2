"""Locks between processes, which the kernel releases when their holder ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ups_framework.errors import RunError

_LOOKS = (0.005, 0.02, 0.1)
"""Seconds to wait before trying again: whoever only looks at a lock, as `is_held` does, has it for microseconds."""

PATIENCE = 330.0
"""Seconds to wait for a process that has its turn: longer than what shows a run may take for the rest after its end."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; RunError, with the holder's pid, if another process holds it."""
    with path.open("a+") as file:
        try:
            _take(file)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RunError(f"{path.parent}: another process (pid {holder}) is working on it") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


@contextmanager
def exclusive_folder(folder: Path) -> Iterator[None]:
    """Hold a folder itself, which leaves no file, after waiting for whoever holds it; RunError if it keeps it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _await(handle, folder)
        yield
    finally:
        os.close(handle)


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, after waiting for whoever holds it; RunError if it keeps it."""
    with path.open("a") as file:
        _await(file.fileno(), path)
        yield


def is_held(path: Path) -> bool:
    """Whether a process holds the lock file `path`; one that is gone holds nothing. OSError if it cannot be read."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _take(file: TextIO) -> None:
    """Lock the file; BlockingIOError if another process keeps it."""
    for seconds in _LOOKS:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(seconds)
        else:
            return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _await(handle: int, path: Path) -> None:
    """Lock what is open; RunError if another process keeps it for longer than PATIENCE."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise RunError(f"{path}: another process keeps it locked for more than {PATIENCE:g} s") from error
        time.sleep(_LOOKS[-1])
