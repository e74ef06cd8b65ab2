"""The smallest part of a recipe that names a component, to be laid over a whole one."""

import json
from typing import Any, Literal, get_args, get_origin

import tomli_w

from ups_framework.plugins import KINDS, Component
from ups_framework.spec_docs import FieldDoc, field_docs


def snippet(component: Component, use: str) -> str:
    """TOML with the component's table, in which `use` is as given.

    Fields without a default have the values of its `example`; one without either has a value of its type to be
    replaced. A loss is named in a stage too, since a loss that no stage names is a mistake; the other names there are
    those of the recipes that come with the framework.
    """
    bare = [field for field in field_docs(component.spec) if field.default is None]
    example: dict[str, Any] = dict(component.spec.example)
    unknown = [field for field in bare if field.required and field.name not in example]
    values = {field.name: example[field.name] for field in bare if field.name in example}
    values |= {field.name: _placeholder(field.annotation) for field in unknown}
    table: dict[str, object] = {"use": use, **values}
    for key in reversed(KINDS[component.kind].table.replace("NAME", component.name).split(".")):
        table = {key: table}
    return _note(unknown) + tomli_w.dumps(table) + (_stage(component.name) if component.kind == "loss" else "")


def _note(unknown: list[FieldDoc]) -> str:
    return f"# to be set: {', '.join(field.name for field in unknown)}\n" if unknown else ""


def _stage(loss: str) -> str:
    names = list(dict.fromkeys(["prediction", loss]))
    return f"\n[stages.operator]\nlosses = {json.dumps(names)}  # all losses of the stage\n"


def _placeholder(annotation: Any) -> object:  # an annotation can be anything
    """A value of a type."""
    simple = {int: 1, float: 1.0, bool: True, str: "..."}
    if annotation in simple:
        return simple[annotation]
    if annotation in [kind.api for kind in KINDS.values()]:
        return {"use": "..."}
    if get_origin(annotation) is tuple:
        return [_placeholder(part) for part in get_args(annotation) if part is not Ellipsis]
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    return {}
