"""Tables that stand for an attrs class: known keys only, none missing, and every validator's message at once."""

import typing
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import attrs

from ups_framework.border import PASSING, reason
from ups_framework.errors import SpecError
from ups_framework.recipe.flaws import Flaw, FlawError, attempt, wrong
from ups_framework.recipe.values import Read, mismatch, words
from ups_framework.suggest import did_you_mean


def read_block(value: object, block: type[Any], read: Read, also: Iterable[str] = ()) -> Any:
    """An instance of `block` from a table. `also` are keys that are read elsewhere, for suggestions."""
    if not isinstance(value, dict):
        raise mismatch(value, block)
    types = typing.get_type_hints(block)
    known = [field.name for field in attrs.fields(block)]
    unknown = [
        Flaw((key,), f"unknown key{did_you_mean(key, [*known, *also]) or _keys([*known, *also])}")
        for key in value
        if key not in known
    ]
    parts = {key: partial(read, item, types[key]) for key, item in value.items() if key in known}
    return assemble(block, parts, unknown)


def assemble(block: type[Any], parts: Mapping[str, Callable[[], object]], flaws: Iterable[Flaw] = ()) -> Any:
    """An instance from the readers of its fields. Raises FlawError with `flaws` and every mistake of the fields."""
    values, found = attempt(parts)
    types = typing.get_type_hints(block)
    missing = [
        Flaw((field.name,), f"missing: expected {words(types[field.name])}")
        for field in attrs.fields(block)
        if field.default is attrs.NOTHING and field.name not in parts
    ]
    found = [*flaws, *found, *missing]
    found += _refused(block, values, partial_values=bool(found))
    if found:
        raise FlawError(*found)
    try:
        return block(**values)
    except SpecError as error:
        raise wrong(error.problem, error.field) from error
    except (ValueError, TypeError) as error:
        raise wrong(_text(error)) from error
    except PASSING:
        raise
    except BaseException as error:  # a stranger's validators run here, and may raise anything
        raise wrong(f"cannot be made: {reason(error)}") from error


def _keys(known: list[str]) -> str:
    return f"; known keys are {', '.join(sorted(known))}" if known else "; the table takes no keys"


def _refused(block: type[Any], values: Mapping[str, object], partial_values: bool) -> list[Flaw]:
    """What the validators say of each value. Creating an instance would stop at the first."""
    unborn, flaws = object.__new__(block), []
    for field in attrs.fields(block):
        if field.name not in values and field.default is attrs.NOTHING:
            continue
        try:
            value = values[field.name] if field.name in values else _default(field, unborn)
        except PASSING:
            raise
        except BaseException as error:  # a stranger's factory runs here, and may raise anything
            flaws.append(Flaw((field.name,), f"its default cannot be made: {reason(error)}"))
        else:
            object.__setattr__(unborn, field.name, value)
    for field in attrs.fields(block):
        if field.validator is None or field.name not in values:
            continue
        try:
            field.validator(unborn, field, values[field.name])
        except SpecError as error:
            flaws.append(Flaw((error.field,), error.problem))
        except (ValueError, TypeError) as error:
            problem = _text(error).removeprefix(f"'{field.name}' ").replace(f"Length of '{field.name}'", "its length")
            flaws.append(Flaw((field.name,), problem))
        except PASSING:
            raise
        except BaseException as error:  # a stranger's validator runs here, and may raise anything
            if not partial_values:  # else it compares with another field, which is wrong itself and reported
                flaws.append(Flaw((field.name,), f"cannot be judged: {reason(error)}"))
    return flaws


def _text(error: Exception) -> str:
    """The message alone: attrs' validators put the field and the value behind it."""
    return str(error.args[0]) if error.args else f"refused ({type(error).__name__})"


def _default(field: "attrs.Attribute[Any]", unborn: object) -> object:
    if not isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class, typed as a function
        return field.default
    factory: Any = field.default  # typed as the value that it makes
    return factory.factory(unborn) if factory.takes_self else factory.factory()
