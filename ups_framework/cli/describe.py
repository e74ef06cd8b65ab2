"""`ups describe KIND NAME`: all that a recipe's author wants to know of a component."""

from typing import Any, Literal, get_args, get_origin

import click
import tomli_w

from ups_framework.cli.output import print_table
from ups_framework.plugins import KINDS, Component, Registry, load_plugins
from ups_framework.spec_docs import FieldDoc, docstring, field_docs, place


@click.command("describe")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name")
def command(kind: str, name: str) -> None:
    """Show a component: what it does, its fields, where it comes from and how a recipe names it."""
    registry = load_plugins()
    component = registry.find(kind, name)
    click.echo(f"{kind} {component.qualified}\n\n{docstring(component.spec)}\n")
    fields = field_docs(component.spec)
    if fields:
        print_table(["field", "type", "default", "what it is"], [_row(field) for field in fields])
        click.echo()
    click.echo(_provenance(component, registry))
    click.echo(f"\n{snippet(component)}", nl=False)


def snippet(component: Component) -> str:
    """The smallest table that names a component; required fields have a value of their type to be replaced."""
    required = {field.name: field.annotation for field in field_docs(component.spec) if field.required}
    values = {name: _placeholder(annotation) for name, annotation in required.items()}
    table: dict[str, object] = {"use": component.name, **values}
    for key in reversed(KINDS[component.kind].table.split(".")):
        table = {key: table}
    note = f"# to be set: {', '.join(required)}\n" if required else ""
    return note + tomli_w.dumps(table)


def _placeholder(annotation: Any) -> object:
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


def _row(field: FieldDoc) -> list[str]:
    default = "required" if field.required else "left out" if field.default is None else str(field.default)
    return [field.name, field.type, default, field.text]


def _provenance(component: Component, registry: Registry) -> str:
    plugin = next(info for info in registry.plugins if info.name == component.plugin)
    at = place(component.spec)
    return f"plugin {plugin.name} ({plugin.distribution} {plugin.version})\nsource {at.file}:{at.line}"
