"""Where each value of a recipe came from."""

import click

from ups_framework.cli.output import print_table
from ups_framework.cli.values import shown
from ups_framework.plugins import Registry
from ups_framework.recipe import LoadedRecipe, as_dict
from ups_framework.recipe.difference import leaves


def print_origins(loaded: LoadedRecipe, registry: Registry) -> None:
    """Every key that a file, a profile or `--set` sets; defaults are counted."""
    source = loaded.source.plain()
    unused = [name for name in source["losses"] if name not in loaded.recipe.losses]
    keys = [(path, value) for path, value in leaves(source) if path[0] != "losses" or path[1] not in unused]
    here = {path for path, _ in leaves(as_dict(loaded.recipe, registry))}
    click.echo(f"\nWhere {len(keys)} values come from ({len(here - {path for path, _ in keys})} more are defaults)")
    rows = [(".".join(path), value) for path, value in keys]
    print_table(["key", "from", "value"], [[path, loaded.origin(path), shown(value)] for path, value in rows])
    if unused:
        click.echo(f"losses that no stage names are left out: {', '.join(unused)}")
