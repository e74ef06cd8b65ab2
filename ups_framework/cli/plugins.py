"""`ups plugins`: what is installed, and what is broken and why."""

import click

from ups_framework.cli.output import print_json, print_table
from ups_framework.plugins import PluginInfo, load_plugins


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show the installed plugins, and why one is broken."""
    plugins = load_plugins().plugins
    if as_json:
        print_json([_as_json(plugin) for plugin in plugins])
        return
    print_table(["plugin", "version", "package", "components"], [_row(plugin) for plugin in plugins])
    for plugin in plugins:
        if plugin.error is not None:
            click.echo(f"\n{plugin.name} ({plugin.distribution}) is broken: {plugin.error}")


def _row(plugin: PluginInfo) -> list[str]:
    counts = ", ".join(f"{kind} {count}" for kind, count in plugin.counts.items())
    return [plugin.name, plugin.version, plugin.distribution, "broken" if plugin.error is not None else counts]


def _as_json(plugin: PluginInfo) -> dict[str, object]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "module": plugin.module,
        "error": plugin.error,
        "components": dict(plugin.counts),
    }
