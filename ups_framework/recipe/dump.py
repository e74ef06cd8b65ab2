"""A typed recipe → TOML with every default and qualified names, which reads back to an equal recipe."""

from typing import Any

import attrs
import tomli_w

from ups_framework.recipe.recipe import Recipe, WeightedTerm
from ups_framework.registry import KIND_CLASSES, Registry


def dump_recipe(recipe: Recipe, registry: Registry) -> str:
    """TOML text. What is None is left out, as TOML has no null."""
    return tomli_w.dumps(as_dict(recipe, registry))


def as_dict(recipe: Recipe, registry: Registry) -> dict[str, Any]:
    """The recipe as plain nested tables."""
    plain = to_plain(recipe, registry)
    assert isinstance(plain, dict)
    return plain


def to_plain(value: object, registry: Registry) -> Any:
    """A spec, any other attrs value or a container of them, in values that TOML can write; `from_plain` reads it."""
    if isinstance(value, WeightedTerm):
        term = to_plain(value.loss, registry)
        return {"use": term.pop("use"), **_fields(value, registry, leave="loss"), **term}
    if isinstance(value, KIND_CLASSES):
        return {"use": registry.name_of(type(value)), **_fields(value, registry)}
    if attrs.has(type(value)):
        return _fields(value, registry)
    if isinstance(value, dict):
        return {key: to_plain(item, registry) for key, item in value.items()}
    if isinstance(value, tuple):
        return [to_plain(item, registry) for item in value]
    return value


def _fields(value: Any, registry: Registry, leave: str = "") -> dict[str, Any]:
    return {
        field.name: to_plain(item, registry)
        for field in attrs.fields(type(value))
        if field.name != leave and (item := getattr(value, field.name)) is not None
    }
