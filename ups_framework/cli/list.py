"""`ups list [KIND]`: the components of a kind, or of all."""

import click

from ups_framework.cli.output import print_json, print_table
from ups_framework.plugins import KINDS, load_plugins
from ups_framework.spec_docs import first_line


@click.command("list")
@click.argument("kind", metavar="[KIND]", type=click.Choice(list(KINDS)), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """List the components of KIND, or of all kinds, with their plugins."""
    registry = load_plugins()
    rows = [
        [each, item.name, item.plugin, first_line(item.spec)]
        for each in ([kind] if kind else KINDS)
        for item in registry.components(each)
    ]
    if as_json:
        print_json([dict(zip(("kind", "name", "plugin", "text"), row, strict=True)) for row in rows])
        return
    left_out = 1 if kind else 0
    print_table(["kind", "name", "plugin", "what it is"][left_out:], [row[left_out:] for row in rows])
