"""Plain values → typed, frozen recipe, with every mistake found at once."""

import typing
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter

from ups_framework.errors import Mistake, PluginError, RecipeError
from ups_framework.recipe.blocks import assemble, read_block
from ups_framework.recipe.crosschecks import crosscheck
from ups_framework.recipe.flaws import Flaw, FlawError, attempt, wrong
from ups_framework.recipe.node import Node, Place
from ups_framework.recipe.recipe import Recipe, WeightedTerm
from ups_framework.recipe.shipped import owner_of
from ups_framework.recipe.tables import Tables
from ups_framework.recipe.values import (
    mismatch,
    read_dict,
    read_exact,
    read_float,
    read_literal,
    read_tuple,
    shown,
)
from ups_framework.registry import KIND_CLASSES, KINDS, TERM_KEYS, Registry

T = TypeVar("T")


def structure(recipe: Node, registry: Registry) -> Recipe:
    """The recipe that a tree of plain values says. Raises RecipeError with every mistake, its path and its origin."""
    plain = recipe.plain()
    flaws = list(crosscheck(plain))
    try:
        result = _converter(registry).structure(plain, Recipe)
    except FlawError as error:
        flaws = [*error.flaws, *flaws]
    if flaws:
        raise RecipeError([_mistake(flaw, recipe) for flaw in flaws])
    return result


def readable(recipe: Node, registry: Registry) -> Tables:
    """The tables without mistakes of a recipe that has some."""
    read, plain = _converter(registry).structure, recipe.plain()
    parts: dict[str, Callable[[], Any]] = {}
    for key, kind in typing.get_type_hints(Recipe).items():
        value = plain.get(key, {})
        if get_origin(kind) is not dict:
            parts[key] = partial(read, value, kind)
        elif isinstance(value, dict):
            parts |= {f"{key}.{name}": partial(read, item, get_args(kind)[1]) for name, item in value.items()}
    return attempt(parts)[0]


def from_plain(plain: object, cls: type[T], registry: Registry) -> T:
    """What `to_plain` wrote, as an instance of the class or kind that it was. Raises RecipeError if it is none."""
    try:
        return _converter(registry).structure(plain, cls)
    except FlawError as error:
        raise RecipeError([_mistake(flaw, Node({}, (Place(""),))) for flaw in error.flaws]) from error


def _mistake(flaw: Flaw, recipe: Node) -> Mistake:
    return Mistake(path=".".join(flaw.path) or "recipe", problem=flaw.problem, source=recipe.origin_of(flaw.path))


def _converter(registry: Registry) -> Converter:
    """A converter that takes nothing on trust: each hook below stands in for one of cattrs' own, lenient ones."""
    converter = Converter()
    read = converter.structure
    for exact in (int, bool, str):
        converter.register_structure_hook(exact, read_exact)
    converter.register_structure_hook(float, read_float)
    converter.register_structure_hook_func(_made_of(Literal), read_literal)
    converter.register_structure_hook_func(_made_of(tuple), partial(read_tuple, read=read))
    converter.register_structure_hook_func(_made_of(dict), partial(read_dict, read=read))
    converter.register_structure_hook_func(attrs.has, partial(read_block, read=read))
    converter.register_structure_hook_func(KIND_CLASSES.__contains__, partial(_component, converter, registry))
    converter.register_structure_hook(WeightedTerm, partial(_term, converter, registry))
    return converter


def _made_of(origin: object) -> Callable[[Any], bool]:
    """Whether an annotation is `origin[...]`."""
    return lambda annotation: get_origin(annotation) is origin


def _component(
    converter: Converter, registry: Registry, value: object, api: type[Any], also: tuple[str, ...] = ()
) -> Any:
    """The spec that a table's `use` names, from the rest of the table."""
    kind = next(name for name, rule in KINDS.items() if rule.api is api)
    if not isinstance(value, dict):
        raise wrong(f"expected a table whose 'use' names the {kind}, found {shown(value)}")
    if "use" not in value:
        raise wrong(f"missing: it names the {kind}; `ups list {kind}` shows them", "use")
    if not isinstance(value["use"], str):
        raise FlawError(*(flaw.below("use") for flaw in mismatch(value["use"], str).flaws))
    try:
        component = registry.find(kind, value["use"], first=owner_of(value["use"]))
    except PluginError as error:
        raise wrong(str(error), "use") from error
    rest = {key: item for key, item in value.items() if key != "use"}
    return read_block(rest, component.spec, converter.structure, ("use", *also))


def _term(converter: Converter, registry: Registry, value: object, _: type[WeightedTerm]) -> WeightedTerm:
    """A table `[losses.NAME]`: some keys belong to every term, the others to the term that `use` names."""
    api = KINDS["loss"].api
    if not isinstance(value, dict):
        raise wrong(f"expected a table whose 'use' names the loss, found {shown(value)}")
    parts: dict[str, Any] = {
        key: partial(converter.structure, item, float) for key, item in value.items() if key in TERM_KEYS
    }
    rest = {key: item for key, item in value.items() if key not in TERM_KEYS}
    parts["loss"] = partial(_component, converter, registry, rest, api, TERM_KEYS)
    try:
        term: WeightedTerm = assemble(WeightedTerm, parts)
    except FlawError as error:
        raise FlawError(
            *(Flaw(flaw.path[1:], flaw.problem) if flaw.path[:1] == ("loss",) else flaw for flaw in error.flaws)
        ) from error
    return term
