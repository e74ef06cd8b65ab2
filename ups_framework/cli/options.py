"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Any

import click


class RecipePath(click.Path):
    """A recipe's file, or the name of one that a plugin ships; of a run's folder the message names its recipe."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # as click has it
        own = Path(value) / "recipe.toml"
        if own.is_file():
            self.fail(f"{value} is the folder of a run; its recipe is {own}", param, ctx)
        return super().convert(value, param, ctx)


class OutFile(click.Path):
    """A file to write; that its folder is not there is said before any work is done."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # as click has it
        path = Path(value)
        if not path.parent.is_dir():
            self.fail(f"{path}: there is no folder {path.parent}", param, ctx)
        return super().convert(value, param, ctx)


recipe_argument = click.argument("recipe", type=RecipePath())

settings_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set a value of the recipe, such as latent.tokens=64."
)

profile_option = click.option(
    "--profile", metavar="NAME", help="Lay this profile over the recipe; 'none' for none [cpu where there is no GPU]."
)
