"""Words that people put on a run, in `tags.json`."""

import re
from collections.abc import Collection, Iterable

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import read_json, write_json


def read_tags(folder: RunFolder) -> tuple[str, ...]:
    """The run's tags, sorted; none if there is no such file. RunError if it is damaged."""
    if not folder.tags.exists():
        return ()
    tags = read_json(folder.tags).get("tags")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise RunError(f"{folder.tags}: is damaged: 'tags' is no list of words")
    return tuple(sorted(set(tags)))


def checked(tags: Collection[str]) -> tuple[str, ...]:
    """The tags, sorted; RunError if one is no plain word."""
    for word in tags:
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", word) is None:
            raise RunError(f"tag {word!r}: use letters, digits and . _ + - only, a letter or digit first")
    return tuple(sorted(set(tags)))


def write_tags(folder: RunFolder, tags: Iterable[str]) -> None:
    """Make these the run's tags, whole or not at all."""
    write_json(folder.tags, {"tags": list(tags)})
