"""Brings an Aim run up to date with the run's folder: what is new in the files, or what has changed."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from ups_framework.runs import mirrored
from ups_framework.runs.aim_link import AimLink, Seen, write_link
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.predictions import snapshots

Aim = Any  # Aim is untyped

_Stamp = tuple[int, int]  # time and size of a file


@frozen(kw_only=True)
class _Piece:
    """A file of the folder and what shows it in Aim."""

    path: Path
    show: Callable[[mirrored.Target, bytes], None]
    grows: bool = False
    """Lines are added at its end: only new ones are shown."""

    drawn: bool = False
    """Pictures are drawn of it, which takes most of a second of a processor."""


class Mirror:
    """Keeps one Aim run like one folder. Whoever makes one holds the folder's lock, as `shown` does."""

    def __init__(self, aim: Aim, run: Aim, folder: RunFolder, link: AimLink) -> None:
        self._target = mirrored.Target(aim=aim, run=run, folder=folder)
        self._folder, self._link = folder, link
        self._stamps: dict[str, _Stamp] = {}

    @property
    def link(self) -> AimLink:
        """What is shown so far."""
        return self._link

    def update(self, may_draw: Callable[[], bool] = lambda: True) -> list[str]:
        """Show what is new; what could not be shown, of which the next call tries everything again.

        Where `may_draw` says no, pictures are left to a later call.
        """
        if not self._folder.path.exists():
            return [f"{self._folder.path} is gone"]
        before, problems = self._link, []
        for piece in _pieces(self._folder):
            if piece.drawn and not may_draw():
                continue
            try:
                self._bring(piece)
            except Exception as error:  # whatever Aim raises, and whatever is wrong with a file
                problems.append(f"{piece.path.name}: {type(error).__name__}: {error}")
        if self._link != before:
            write_link(self._folder, self._link)
        return problems

    def _bring(self, piece: _Piece) -> None:
        name = piece.path.relative_to(self._folder.path).as_posix()
        if not piece.path.exists() or (stamp := _stamp(piece.path)) == self._stamps.get(name):
            return
        data, seen = piece.path.read_bytes(), self._link.seen.get(name)
        if piece.grows:
            data = data[: data.rfind(b"\n") + 1]
            start = seen.size if seen is not None and seen.begins(data) else 0
            piece.show(self._target, data[start:])
        elif seen is None or not (seen.begins(data) and seen.size == len(data)):
            piece.show(self._target, data)
        self._link = self._link.having(name, Seen.of(data))
        self._stamps[name] = stamp


def is_shown(folder: RunFolder, link: AimLink) -> bool:
    """Whether Aim shows all that the folder has, and that the run has ended."""
    return link.ended and link.name == folder.name and all(_is_seen(piece, folder, link) for piece in _pieces(folder))


def _is_seen(piece: _Piece, folder: RunFolder, link: AimLink) -> bool:
    if not piece.path.exists():
        return True
    seen = link.seen.get(piece.path.relative_to(folder.path).as_posix())
    data = piece.path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1] if piece.grows else data
    return seen is not None and seen.size == len(whole) and seen.digest == hashlib.sha256(whole).hexdigest()


def _pieces(folder: RunFolder) -> Iterator[_Piece]:
    """Everything that Aim shows, in this order; the big ones last."""
    yield _Piece(path=folder.recipe, show=mirrored.recipe)
    yield _Piece(path=folder.environment, show=mirrored.environment)
    yield _Piece(path=folder.tags, show=mirrored.tags)
    yield _Piece(path=folder.status, show=mirrored.status)
    yield _Piece(path=folder.metrics, show=mirrored.metrics, grows=True)
    yield _Piece(path=folder.audit, show=mirrored.audit, grows=True)
    yield _Piece(path=folder.distributions, show=mirrored.distributions, grows=True)
    yield _Piece(path=folder.evaluation, show=mirrored.evaluation)
    yield _Piece(path=folder.gates, show=mirrored.gates)
    for path in snapshots(folder):
        yield _Piece(path=path, show=mirrored.snapshot(path), drawn=True)
    yield _Piece(path=folder.report, show=mirrored.report, drawn=True)
    yield _Piece(path=folder.predictions, show=mirrored.predictions, drawn=True)


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
