"""What a spec says about itself: its docstring, its fields with their texts, and where it stands."""

import ast
import inspect
import itertools
import textwrap
import typing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs
from attrs import frozen

from ups_framework.spec_rules import is_optional, without_none


@frozen(kw_only=True)
class FieldDoc:
    """One field of a spec."""

    name: str
    """Key in a recipe."""

    annotation: Any  # an annotation can be anything
    """Type."""

    required: bool
    """Whether a recipe must set it."""

    default: Any  # the field's type can be anything
    """Value where a recipe does not set it; None if it must."""

    text: str
    """The string literal under the field, on one line."""

    @property
    def type(self) -> str:
        """Type as it is written in Python."""
        return type_text(self.annotation)


@frozen(kw_only=True)
class Place:
    """Where a class stands."""

    file: Path
    """Source file."""

    line: int
    """Line of the class or of its first decorator."""


def docstring(spec: type) -> str:
    """The whole docstring, without indentation."""
    return inspect.getdoc(spec) or ""


def first_line(spec: type) -> str:
    """The first sentence-like line of the docstring."""
    return docstring(spec).partition("\n")[0]


def place(spec: type) -> Place | None:
    """File and line of a class; None if it has no source, as a class that code made."""
    try:
        return Place(file=Path(inspect.getfile(spec)), line=inspect.getsourcelines(spec)[1])
    except (OSError, TypeError):  # inspect's words for it
        return None


def field_docs(spec: type[Any]) -> tuple[FieldDoc, ...]:
    """The fields of an attrs class in their order, with the texts under them."""
    texts = _texts(spec)
    types = typing.get_type_hints(spec)
    return tuple(
        FieldDoc(
            name=field.name,
            annotation=types[field.name],
            required=field.default is attrs.NOTHING,
            default=_default(field),
            text=texts.get(field.name, ""),
        )
        for field in attrs.fields(spec)
    )


def type_text(annotation: Any) -> str:
    """A type as it is written in Python, without module names."""
    if is_optional(annotation):
        return f"{type_text(without_none(annotation))} | None"
    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(repr(choice) for choice in get_args(annotation))}]"
    if get_origin(annotation) is not None:
        arguments = ("..." if part is Ellipsis else type_text(part) for part in get_args(annotation))
        return f"{get_origin(annotation).__name__}[{', '.join(arguments)}]"
    return str(annotation.__name__)


def _default(field: "attrs.Attribute[Any]") -> object:
    if field.default is attrs.NOTHING:
        return None
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class, typed as a function
        factory: Any = field.default  # typed as the value that it makes
        return None if factory.takes_self else factory.factory()
    return field.default


def _texts(spec: type) -> dict[str, str]:
    """The string literal under each annotated name of a class body; none of a class without source."""
    if place(spec) is None:
        return {}
    tree = ast.parse(textwrap.dedent(inspect.getsource(spec)))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    texts = {}
    for field, below in itertools.pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            texts[field.target.id] = " ".join(below.value.value.split())
    return texts
