"""`aim.json`: which Aim run shows a folder, and how much of the folder it shows already."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import read_json, write_json


@frozen(kw_only=True)
class Seen:
    """The beginning of a file, or all of it."""

    size: int
    """Bytes."""

    digest: str
    """SHA-256 of them."""

    @classmethod
    def of(cls, data: bytes) -> "Seen":
        """All of the data."""
        return cls(size=len(data), digest=hashlib.sha256(data).hexdigest())

    def begins(self, data: bytes) -> bool:
        """Whether the data still begins with what was seen."""
        return len(data) >= self.size and Seen.of(data[: self.size]) == self


@frozen(kw_only=True)
class AimLink:
    """What `aim.json` holds."""

    run_hash: str
    """Aim's name of the run."""

    repository: str
    """Folder of runs whose `.aim` has it, or the address of a server."""

    name: str
    """Name of the run's folder: a copy under another name has an Aim run of its own."""

    ended: bool = False
    """Whether Aim shows it as ended."""

    seen: Mapping[str, Seen] = field(factory=dict)
    """What Aim shows, by the file's path in the folder."""

    def having(self, name: str, seen: Seen) -> "AimLink":
        """With one more file shown."""
        return attrs.evolve(self, seen={**self.seen, name: seen})


def read_link(folder: RunFolder) -> AimLink | None:
    """None if the run was never tracked, or is a copy of one that was; RunError if the file is damaged."""
    if not folder.aim.exists():
        return None
    record = read_json(folder.aim)
    try:
        seen = {name: Seen(**item) for name, item in record.pop("seen", {}).items()}
        link = AimLink(**{"name": folder.name, **record}, seen=seen)
    except (TypeError, AttributeError) as error:
        raise RunError(f"{folder.aim}: is damaged; delete it, and the run is shown anew") from error
    return None if _is_copy(folder, link) else link


def write_link(folder: RunFolder, link: AimLink) -> None:
    """Write it, whole or not at all."""
    record: dict[str, Any] = attrs.asdict(link)  # plain values
    write_json(folder.aim, record)


def _is_copy(folder: RunFolder, link: AimLink) -> bool:
    """Whether the folder that the Aim run was made for is still there, beside this one."""
    original = Path(folder.path).resolve().parent / link.name / folder.aim.name
    if link.name == folder.name or not original.exists():
        return False
    return bool(read_json(original).get("run_hash") == link.run_hash)
