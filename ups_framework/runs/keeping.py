"""Which runs are kept: into the archive and back, or gone. All of the named runs are dealt with, or none."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.locks import exclusive, is_held

ARCHIVE = ".archive"
"""Folder of archived runs, beside the runs. No run can be called so, and it is not listed among them."""


@frozen(kw_only=True)
class Move:
    """A run's folder and where it goes."""

    source: Path
    """Where it is."""

    target: Path
    """Where it will be; there is nothing yet."""


def to_archive(runs: Sequence[Path]) -> list[Move]:
    """What archiving these runs would move. RunError if one is no run, or has one of its name in the archive."""
    paths = _distinct(runs)
    for path in paths:
        if path.absolute().parent.name == ARCHIVE:
            raise RunError(f"{path}: is in the archive already")
    return [_move(path, path.parent / ARCHIVE / path.name) for path in paths]


def from_archive(runs: Sequence[Path]) -> list[Move]:
    """What restoring would move, by the paths that runs had or have in the archive.

    RunError if one is not in the archive, or if its place is taken.
    """
    homes = [path.parents[1] / path.name if path.parent.name == ARCHIVE else path for path in _distinct(runs)]
    return [_move(home.parent / ARCHIVE / home.name, home) for home in homes]


def move(moves: Sequence[Move]) -> None:
    """Move the folders; RunError, with nothing moved, if a process works on one of them."""
    with _unused([each.source for each in moves]):
        done: list[Move] = []
        try:
            for each in moves:
                each.target.parent.mkdir(exist_ok=True)
                os.rename(each.source, each.target)
                done.append(each)
        except OSError as error:
            for each in reversed(done):
                os.rename(each.target, each.source)
            raise RunError(f"{moves[len(done)].source}: not moved ({error.strerror}); no run was") from error


def to_delete(runs: Sequence[Path]) -> list[Path]:
    """What deleting these runs would remove. RunError if one is no run."""
    return [_run_folder(path) for path in _distinct(runs)]


def delete(paths: Sequence[Path]) -> None:
    """Remove the folders for good; RunError, with nothing removed, if a process works on one of them."""
    with _unused(paths):
        for path in paths:
            doomed = path.with_name(f".deleted.{path.name}.{os.getpid()}")
            try:
                os.rename(path, doomed)  # a half-deleted run is no run
                shutil.rmtree(doomed)
            except OSError as error:
                raise RunError(f"{error.filename or path}: not deleted ({error.strerror})") from error


def refuse_active(paths: Sequence[Path]) -> None:
    """RunError if a process works on one of the runs. Touches nothing."""
    for path in paths:
        if is_held(RunFolder(path).lock):
            raise RunError(f"{path}: a process is working on it; stop it first, and nothing was done")


def size(path: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())


def _move(source: Path, target: Path) -> Move:
    _run_folder(source)
    if os.path.lexists(target):
        raise RunError(f"{target}: exists already; move it away first")
    return Move(source=source, target=target)


def _run_folder(path: Path) -> Path:
    """The path, if it is that of a run's own folder."""
    folder = RunFolder.open_begun(path)
    if path.is_symlink():
        raise RunError(f"{path}: is a link to {path.readlink()}; name that folder itself")
    others = (folder.environment, folder.checkpoints, folder.evaluation, folder.lock)
    if not any(other.exists() for other in others):
        raise RunError(f"{path}: has a recipe.toml and nothing else of a run; it stays")
    return path


def _distinct(runs: Sequence[Path]) -> list[Path]:
    """Each run once, in order; `.` becomes the current folder's own path."""
    return list({(whole := Path(os.path.abspath(path))): path if path.name else whole for path in runs}.values())


@contextmanager
def _unused(paths: Sequence[Path]) -> Iterator[None]:
    """Keep other processes from working on the runs; RunError if one does."""
    with ExitStack() as stack:
        for path in paths:
            try:
                stack.enter_context(exclusive(RunFolder(path).lock))
            except OSError as error:
                raise RunError(f"{path}: cannot be locked ({error.strerror})") from error
        yield
