"""Old names of components in a recipe: they work, and whoever wrote them is told the new ones."""

from collections.abc import Iterator
from typing import Any

import attrs

from ups_framework.errors import Mistake
from ups_framework.recipe.node import Node
from ups_framework.recipe.recipe import Recipe, WeightedTerm
from ups_framework.registry import KIND_CLASSES, Registry


def old_names(recipe: Recipe, source: Node, registry: Registry) -> Iterator[Mistake]:
    """Each `use` of a recipe that writes an old name, in the form of a mistake; `source` is what it was read from."""
    for path, spec, name in _uses(recipe, source.plain(), ()):
        component = registry.component_of(type(spec))
        old = registry.old_name(component, name)
        if old is not None:
            new = component.qualified if ":" in name else component.name
            problem = f"{name!r} is now called {new!r} (since {old.since}); write that"
            yield Mistake(path=".".join(path), problem=problem, source=source.origin_of(path))


def _uses(value: Any, plain: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object, str]]:
    """Path, spec and written name of every component, in a typed value and the plain one that it was read from."""
    if isinstance(value, WeightedTerm):
        value = value.loss
    if isinstance(value, KIND_CLASSES):
        yield (*path, "use"), value, plain["use"]
    if attrs.has(type(value)):
        inner = {key: getattr(value, key) for key in plain if key in attrs.fields_dict(type(value))}
    elif isinstance(value, dict):
        inner = value
    else:
        inner = dict(enumerate(value)) if isinstance(value, tuple) else {}
    for key, item in inner.items():
        yield from _uses(item, plain[key], (*path, str(key)))
