"""Checkpoints on disk: whole or absent, the newest two, and never read if damaged.

A checkpoint's file is `<number>.<step name>.<digest of its content>.pt`: the number orders it, the digest proves it,
and the content is exactly what was saved, so that `torch.load` reads it.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from ups_framework.errors import RunError
from ups_framework.runs.atomic import write_whole

NUM_KEPT = 2
"""How many checkpoints stay: a damaged newest one still leaves one to go on from."""

_NAME = re.compile(r"(?P<number>\d{6})\.(?P<step>.+)\.(?P<digest>[0-9a-f]{16})\.pt")


@frozen(kw_only=True)
class Checkpoint:
    """A checkpoint whose content is what was saved."""

    path: Path
    """Its file."""

    step_name: str
    """The name under which it was saved."""

    payload: bytes
    """Its content."""


def save(folder: Path, step_name: str, payload: bytes) -> Path:
    """Add a checkpoint and remove all but the newest; RunError if the disk is full, with all older ones still there."""
    existing = _list(folder)
    number = 1 + max((number for number, _ in existing), default=0)
    path = folder / f"{number:06d}.{step_name}.{_digest(payload)}.pt"
    write_whole(path, payload)
    for _, old in _list(folder)[:-NUM_KEPT]:
        old.unlink(missing_ok=True)
    return path


def latest(folder: Path, report: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that is whole, telling `report` of every damaged one; None where there are none.

    Raises RunError if there are checkpoints and all are damaged.
    """
    files = [path for _, path in reversed(_list(folder))]
    for path in files:
        checkpoint = _read(path)
        if checkpoint is not None:
            return checkpoint
        report(f"{path}: is damaged (truncated or changed); going back to the checkpoint before it")
    if files:
        raise RunError(f"{folder}: every checkpoint is damaged; start again under another --name")
    return None


def _list(folder: Path) -> list[tuple[int, Path]]:
    matches = ((_NAME.fullmatch(path.name), path) for path in folder.glob("*.pt"))
    return sorted((int(match["number"]), path) for match, path in matches if match)


def _read(path: Path) -> Checkpoint | None:
    match = _NAME.fullmatch(path.name)
    assert match is not None, f"{path} was listed as a checkpoint"
    try:
        payload = path.read_bytes()
    except OSError:
        return None
    if _digest(payload) != match["digest"]:
        return None
    return Checkpoint(path=path, step_name=match["step"], payload=payload)


def _digest(payload: bytes) -> str:
    return hashlib.blake2b(payload, digest_size=8).hexdigest()
