"""`ups describe KIND NAME`: all that a recipe's author wants to know of a component."""

import click

from ups_framework.cli.output import print_json, print_table
from ups_framework.cli.snippet import snippet
from ups_framework.plugins import KINDS, Component, PluginInfo, load_plugins
from ups_framework.recipe import to_plain
from ups_framework.registry import Registry
from ups_framework.spec_docs import FieldDoc, docstring, field_docs, place


@click.command("describe")
@click.argument("kind", metavar="KIND", type=click.Choice(list(KINDS)))
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, name: str, as_json: bool) -> None:
    """Show a component that `ups list` names: what it does, its fields, its source and how a recipe names it."""
    registry = load_plugins()
    component = registry.find(kind, name)
    if as_json:
        print_json(_as_json(component, registry))
        return
    click.echo(f"{kind} {component.qualified}\n\n{docstring(component.spec)}\n")
    fields = field_docs(component.spec)
    if fields:
        print_table(["field", "type", "default", "what it is"], [_row(field) for field in fields])
        click.echo()
    plugin, at = _plugin(component, registry), place(component.spec)
    source = f"{at.file}:{at.line}" if at else "made by code, without a file"
    click.echo(f"plugin {plugin.name} ({plugin.distribution} {plugin.version})\nsource {source}")
    click.echo(f"\n{snippet(component, registry.short_name(component))}", nl=False)


def _row(field: FieldDoc) -> list[str]:
    default = "required" if field.required else "left out" if field.default is None else str(field.default)
    return [field.name, field.type, default, field.text]


def _plugin(component: Component, registry: Registry) -> PluginInfo:
    return next(info for info in registry.plugins if info.name == component.plugin)


def _as_json(component: Component, registry: Registry) -> dict[str, object]:
    plugin, at = _plugin(component, registry), place(component.spec)
    return {
        "kind": component.kind,
        "name": component.name,
        "qualified": component.qualified,
        "plugin": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "text": docstring(component.spec),
        "fields": [
            {
                "name": field.name,
                "type": field.type,
                "required": field.required,
                "default": to_plain(field.default, registry),
                "text": field.text,
            }
            for field in field_docs(component.spec)
        ],
        "source": {"file": str(at.file), "line": at.line} if at else None,
        "snippet": snippet(component, registry.short_name(component)),
    }
