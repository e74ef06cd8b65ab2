"""`--set a.b=v` → a layer that is laid over the recipe."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

from ups_framework.errors import Mistake, RecipeError
from ups_framework.recipe.node import DEEPEST, Node, Place, depth, lay, node

_IN_FILES_ONLY = {
    "extends": "a recipe's file says what it extends; make a file of one line, and set the values here",
    "profile": "profiles belong to files, and --set is laid over them: set the value itself",
}
_BARE_WORD = re.compile(r"""[^\s"'\[\]{}=,#\\]+""")


def read_settings(settings: Sequence[str]) -> Node:
    """The texts of `--set a.b=v` as one layer.

    `v` is a TOML value (`3`, `true`, `["a", "b"]`); a bare word such as `fno` or `data/new` that is none is a string.
    """
    layers: list[Node] = []
    mistakes: list[Mistake] = []
    for text in settings:
        try:
            layers.append(node(_parse_setting(text), f"--set {text}", {}))
        except ValueError as error:
            mistakes.append(Mistake(path=f"--set {text}", problem=str(error)))
    if mistakes:
        raise RecipeError(mistakes)
    return reduce(lay, layers, Node({}, (Place("--set"),)))


def _parse_setting(text: str) -> dict[str, Any]:
    """One `a.b=v`. Raises ValueError with what is wrong."""
    key, equals, value = text.partition("=")
    if not equals or "\n" in text or not value.strip():
        raise ValueError("expected KEY=VALUE, such as training.batch=16")
    if value.replace(" ", "") == "{}":
        raise ValueError("an empty table changes nothing")
    probe = _toml(f"{key} = 0")
    if not probe:
        raise ValueError(f"{key!r} is no dotted key such as training.batch")
    for first in probe.keys() & _IN_FILES_ONLY.keys():
        raise ValueError(_IN_FILES_ONLY[first])
    table = next((table for reading in _readings(value.strip()) if (table := _toml(f"{key} = {reading}"))), None)
    if table is None:
        raise ValueError(f"{value.strip()!r} is neither a TOML value nor a bare word; quote a text: '{key}=\"...\"'")
    if depth(table) > DEEPEST:
        raise ValueError(f"tables and lists are nested more than {DEEPEST} deep")
    return table


def _readings(value: str) -> Iterator[str]:
    yield value
    if _BARE_WORD.fullmatch(value):
        yield f'"{value}"'


def _toml(text: str) -> dict[str, Any] | None:
    """The parsed text; None if it is no TOML."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
