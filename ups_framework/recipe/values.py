"""Single values and lists of a recipe, read strictly: TOML has types, so nothing is converted but int to float."""

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args, get_origin

from ups_framework.recipe.flaws import FlawError, attempt_all, wrong
from ups_framework.spec_rules import without_none
from ups_framework.suggest import did_you_mean

Read = Callable[[object, Any], Any]
"""Reads a plain value as a type (which may be any annotation), or raises FlawError."""

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text in quotes"}


def words(annotation: Any) -> str:
    """A type in the reader's words."""
    annotation = without_none(annotation)
    if annotation in _WORDS:
        return _WORDS[annotation]
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(shown(choice) for choice in get_args(annotation))}"
    return f"a list of {words(get_args(annotation)[0])}" if get_origin(annotation) is tuple else "a table"


def shown(value: object) -> str:
    """A value as it stands in the recipe, shortened."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else str(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def mismatch(value: object, annotation: Any) -> FlawError:
    """A value of the wrong type."""
    return wrong(f"expected {words(annotation)}, found {shown(value)}")


def read_exact(value: object, annotation: Any) -> object:
    """An int, bool or str and nothing that Python would take for one: `True` is no int."""
    if type(value) is not annotation:
        raise mismatch(value, annotation)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise wrong("expected a whole number of at most 64 bits, found a larger one")
    if isinstance(value, str) and "\0" in value:
        raise wrong("expected a text without null characters")
    return value


def read_float(value: object, annotation: Any) -> float:
    """A number; `nan` and `inf` are none."""
    if type(value) not in (int, float):
        raise mismatch(value, annotation)
    try:
        number = float(value)  # type: ignore[arg-type]  # an int or a float, as the line above says
    except OverflowError:
        raise wrong("expected a number, found one too large for double precision") from None
    if not math.isfinite(number):
        raise mismatch(value, annotation)
    return number


def read_literal(value: object, annotation: Any) -> object:
    """One of the choices of a `Literal`."""
    choices = get_args(annotation)
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    near = did_you_mean(value, [choice for choice in choices if type(choice) is str]) if isinstance(value, str) else ""
    raise wrong(f"expected {words(annotation)}, found {shown(value)}{near}")


def read_tuple(value: object, annotation: Any, read: Read) -> tuple[object, ...]:
    """A list, as a tuple of any or of a given length."""
    if not isinstance(value, list | tuple):
        raise mismatch(value, annotation)
    types = get_args(annotation)
    if types[-1] is Ellipsis:
        types = (types[0],) * len(value)
    if len(types) != len(value):
        raise wrong(f"expected {len(types)} values, found {len(value)}")
    pairs = enumerate(zip(value, types, strict=True))
    return tuple(attempt_all({str(index): partial(read, item, kind) for index, (item, kind) in pairs}).values())


def read_dict(value: object, annotation: Any, read: Read) -> dict[str, object]:
    """A table with any keys."""
    if not isinstance(value, dict):
        raise mismatch(value, annotation)
    kind = get_args(annotation)[1]
    return attempt_all({key: partial(read, item, kind) for key, item in value.items()})
