"""Locks between processes, which the kernel releases when their holder ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ups_framework.errors import RunError


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; RunError, with the holder's pid, if another process holds it."""
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RunError(f"{path.parent}: another process (pid {holder}) is working on it") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, after waiting for whoever holds it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
