"""Files that are written whole or not at all."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from ups_framework.errors import RunError

PARTIAL = ".partial"
"""Ending of the temporary names; such a file is what a killed process left and nobody needs."""


def write_whole(path: Path, data: bytes) -> None:
    """Make `path` hold `data`, on the disk, or leave it as it was.

    Writes under another name in the same folder, fsyncs, renames; of a link, the file that it leads to. Raises
    RunError, with the reason, if that fails: the disk is full, say, or there is a pipe, a device or a folder. What was
    at `path` before is untouched then, and the temporary file is gone.
    """
    named, path = path, Path(os.path.realpath(path))
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
            raise RunError(f"{named}: not written, since it is no regular file: name another one")
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise RunError(
            f"{named}: not written ({error.strerror or error}, {len(data):,} bytes); what was there before is untouched"
        ) from error
    _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes left in `folder`; nobody may be writing there."""
    for partial in folder.glob(f".*{PARTIAL}"):
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
