"""JSON files of a run: one value a file (`.json`), or one record a line (`.jsonl`).

JSON has no NaN and no infinity: numbers that are not finite are written as `null`.
"""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ups_framework.errors import RunError
from ups_framework.runs.atomic import write_whole

Record = dict[str, Any]  # JSON is any tree of plain values
"""One line of a `.jsonl` file."""


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_whole(path, (json.dumps(_finite(value), indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Record:
    """Read an object written by `write_json`; RunError if the file is missing or is no JSON object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise RunError(f"{path}: is damaged ({error})") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: holds a {type(value).__name__} where an object was expected")
    return value


def append_jsonl(path: Path, record: Mapping[str, object]) -> None:
    """Add one line at the end and hand it to the operating system; on a full disk the file stays as it was."""
    line = (json.dumps(_finite(record), ensure_ascii=False) + "\n").encode()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _append(handle, line)
        finally:
            os.close(handle)
    except OSError as error:
        raise RunError(f"{path}: a line could not be added ({error.strerror}); the lines before are whole") from error


def read_jsonl(path: Path) -> list[Record]:
    """All records, none if there is no file; a torn last line (its process was killed) is left out.

    Raises RunError with the line's number where any other line is no JSON object.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [_parse(path, number, line) for number, line in enumerate(lines, start=1)]


def truncate_jsonl(path: Path, keep: Callable[[Record], bool]) -> int:
    """Keep only the records that `keep` wants, and no torn last line; how many records were dropped."""
    if not path.exists():
        return 0
    records = read_jsonl(path)
    kept = [record for record in records if keep(record)]
    write_whole(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in kept).encode())
    return len(records) - len(kept)


def _append(handle: int, line: bytes) -> None:
    size = os.fstat(handle).st_size
    try:
        written = 0
        while written < len(line):
            written += os.write(handle, line[written:])
    except OSError:
        os.ftruncate(handle, size)
        raise


def _parse(path: Path, number: int, line: bytes) -> Record:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise RunError(f"{path}, line {number}: is damaged ({error})") from error
    if not isinstance(record, dict):
        raise RunError(f"{path}, line {number}: holds a {type(record).__name__} where an object was expected")
    return record


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
