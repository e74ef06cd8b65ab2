"""`ups schema`: what editors need to check and complete recipes."""

from pathlib import Path

import click

from ups_framework.cli.options import OutFile


@click.command("schema")
@click.option("--out", type=OutFile(), help="Write to this file, not to the terminal.")
def command(out: Path | None) -> None:
    """Print the JSON Schema of recipes with all installed components.

    An editor with taplo (Even Better TOML) takes it from a recipe's first line: #:schema FILE
    """
    from ups_framework.errors import UpsError
    from ups_framework.plugins import load_plugins
    from ups_framework.recipe.schema import schema_text

    text = schema_text(load_plugins())
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UpsError(f"{out}: cannot be written ({error.strerror})") from error
    click.echo(f"{out}: written; a recipe's first line '#:schema {out.name}' names it, relative to the recipe")
