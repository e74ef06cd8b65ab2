"""`ups list KIND`: the components of a kind."""

import click

from ups_framework.cli.output import print_json, print_table
from ups_framework.plugins import KINDS, load_plugins
from ups_framework.spec_docs import first_line


@click.command("list")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, as_json: bool) -> None:
    """List the components of a kind, with their plugins."""
    rows = [(item.name, item.plugin, first_line(item.spec)) for item in load_plugins().components(kind)]
    if as_json:
        print_json([{"name": name, "plugin": plugin, "text": text} for name, plugin, text in rows])
        return
    print_table(["name", "plugin", "what it is"], rows)
