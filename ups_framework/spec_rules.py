"""What a class must be to serve as a spec: checked once, when it is registered.

A spec that keeps these rules can be written in TOML, saved with all its defaults and read back to an equal value.
"""

import inspect
import re
import sys
import types
import typing
from collections.abc import Collection, Iterator
from typing import Any, Literal, Union, get_args, get_origin

import attrs

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def name_problems(name: object) -> Iterator[str]:
    """What is wrong with a component's name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{name!r} is no name: use lower-case letters, digits and '_', beginning with a letter"


def spec_problems(spec: object, api: type, *, reserved: Collection[str], kinds: Collection[type]) -> Iterator[str]:
    """What is wrong with a spec of the kind `api`; `reserved` field names belong to the framework."""
    if not isinstance(spec, type):
        yield f"{spec!r} is no class: register the class itself, not an instance"
        return
    if not issubclass(spec, api):
        yield f"it does not inherit from {api.__name__}"
    if inspect.isabstract(spec):
        missing = sorted(name for name in dir(spec) if getattr(getattr(spec, name), "__isabstractmethod__", False))
        yield f"it does not define {', '.join(missing)}"
    yield from _block_problems(spec, reserved=reserved, kinds=kinds)


def _block_problems(
    block: type[Any], *, reserved: Collection[str], kinds: Collection[type], around: tuple[type, ...] = ()
) -> Iterator[str]:
    """Rules for specs and for the attrs classes that stand as types of their fields; `around` are those it is in."""
    if block in around:
        yield "it has itself as the type of a field, directly or further in: use a component of a kind instead"
        return
    if not attrs.has(block) or "__attrs_attrs__" not in vars(block):
        yield "it is not decorated with @frozen(kw_only=True) from attrs"
        return
    if any(attrs.has(base) for base in block.__mro__[1:]):
        yield "it inherits from another attrs class: specs are final, wrap it instead"
    if not _is_frozen(block):
        yield "it is not frozen: decorate it with @frozen(kw_only=True)"
    if vars(sys.modules[block.__module__]).get(block.__qualname__) is not block:
        yield "it is not at module level"
    if not (block.__doc__ or "").strip():
        yield "it has no docstring"
    yield from _unannotated(block)
    yield from _fields_problems(block, reserved=reserved, kinds=kinds, around=(*around, block))


def _unannotated(block: type[Any]) -> Iterator[str]:
    """Attributes that look like fields and are none; methods and properties bind, what a kind declares is no field."""
    declared = {name for base in block.__mro__ for name in inspect.get_annotations(base)}
    fields = {field.name for field in attrs.fields(block)}
    for name, value in vars(block).items():
        if name.startswith("_") or name in declared | fields or hasattr(type(value), "__get__"):
            continue
        kind = type(value).__name__
        yield (
            f"{name!r} has no annotation, so it is no field: write `{name}: {kind} = ...`, "
            f"or `{name}: ClassVar[{kind}] = ...` for what no recipe sets"
        )


def _is_frozen(block: type) -> bool:
    """Whether assignment to an instance is refused; true of an abstract class, which is reported as such."""
    if inspect.isabstract(block):
        return True
    try:
        object.__new__(block).__setattr__("any", 0)
    except attrs.exceptions.FrozenInstanceError:
        return True
    except AttributeError:  # slots have no such name, but the class did not refuse
        return False
    return False


def _fields_problems(
    block: type[Any], *, reserved: Collection[str], kinds: Collection[type], around: tuple[type, ...]
) -> Iterator[str]:
    try:
        hints = typing.get_type_hints(block)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        yield f"its annotations cannot be read ({error}); import their names when the module runs"
        return
    for field in attrs.fields(block):
        for problem in _field_problems(field, hints.get(field.name), reserved=reserved, kinds=kinds, around=around):
            yield f"field {field.name!r} {problem}"


def _field_problems(
    field: "attrs.Attribute[Any]",
    annotation: Any,
    *,
    reserved: Collection[str],
    kinds: Collection[type],
    around: tuple[type, ...],
) -> Iterator[str]:
    if field.name in reserved or field.name == "use":
        yield "is a name that belongs to the framework"
    if field.name.startswith("_"):
        yield "begins with '_', so that no recipe can set it"
    if not field.kw_only:
        yield "is not keyword-only"
    if not field.init or field.converter is not None:
        yield "has init=False or a converter: a spec holds what the recipe says, and computes in build"
    if annotation is None:
        yield "has no annotation"
        return
    if is_optional(annotation) and field.default is not None:
        yield "is optional, so its default must be None: TOML has no null to write"
    yield from _type_problems(without_none(annotation), kinds=kinds, around=around)
    yield from _default_problems(field.default, get_origin(without_none(annotation)))


def _default_problems(default: Any, container: Any) -> Iterator[str]:
    """A default that all specs would share and change, or a list where a tuple belongs."""
    from_factory = isinstance(default, type(attrs.Factory(dict)))
    if from_factory and default.takes_self:
        return
    made = default.factory() if from_factory else default
    if container in (tuple, dict) and isinstance(made, list | set | dict | tuple) and not isinstance(made, container):
        found, wanted = type(made).__name__, container.__name__
        right = "= ()" if container is tuple else "= field(factory=dict)"
        yield f"has a default that is a {found}, not a {wanted}: write a {wanted}, such as `{right}`"
    elif not from_factory and isinstance(made, list | set | dict):
        factory = f"lambda: {made!r}" if made else type(made).__name__
        yield f"has a mutable default, which all specs would share: use field(factory={factory})"


def _type_problems(
    annotation: Any,  # an annotation can be anything
    *,
    kinds: Collection[type],
    around: tuple[type, ...],
) -> Iterator[str]:
    """Nothing if TOML can write values of this type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in (int, float, bool, str) or annotation in kinds:
        return
    if origin is Literal and all(type(choice) in (int, str, bool) for choice in arguments):
        return
    if origin is tuple and arguments:
        for argument in arguments:
            yield from () if argument is Ellipsis else _type_problems(argument, kinds=kinds, around=around)
    elif origin is dict and arguments[0] is str:
        yield from _type_problems(arguments[1], kinds=kinds, around=around)
    elif isinstance(annotation, type) and attrs.has(annotation):
        for problem in _block_problems(annotation, reserved=(), kinds=kinds, around=around):
            yield f"has the type {annotation.__name__}: {problem}"
    else:
        yield (
            f"has the type {annotation}, which no recipe can write: use int, float, bool, str, Literal, "
            "tuple, dict[str, ...], another frozen attrs class, a kind, or one of these with `| None`"
        )


def is_optional(annotation: Any) -> bool:
    """Whether None is one of the values."""
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def without_none(annotation: Any) -> Any:
    """`X` for `X | None`; any other type as it is."""
    others = [argument for argument in get_args(annotation) if argument is not type(None)]
    return others[0] if is_optional(annotation) and len(others) == 1 else annotation
