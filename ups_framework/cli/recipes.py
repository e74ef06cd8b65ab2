"""`ups recipes`: what somebody who only installed a package can run and extend."""

import attrs
import click
from attrs import frozen

from ups_framework.cli.output import print_json, print_table
from ups_framework.errors import RecipeError
from ups_framework.plugins import RecipeFile, Registry, load_plugins
from ups_framework.recipe import load_recipe


@frozen(kw_only=True)
class Listed:
    """A recipe of a plugin as it is shown."""

    name: str
    """Qualified name."""

    plugin: str
    """Plugin that ships it."""

    path: str
    """Its file."""

    description: str = ""
    """What it says of itself."""

    cost: str | None = None
    """How long a run takes, if it says so."""

    error: str | None = None
    """Why it cannot be run or is not fit to be shown; None if it is."""


@click.command("recipes")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the recipes that plugins ship: `ups run NAME` runs one, and `extends = "NAME"` builds on it.

    The cost is the order of the time that a run takes, on two CPU cores if the recipe has a profile for them.
    """
    registry = load_plugins()
    recipes = [_listed(recipe, registry) for recipe in registry.recipes]
    if as_json:
        print_json([attrs.asdict(recipe) for recipe in recipes])
        return
    print_table(["recipe", "cost", "what it is"], [_row(recipe) for recipe in recipes])
    for recipe in recipes:
        if recipe.error is not None:
            click.echo(f"\n{recipe.name} ({recipe.path}) is broken:\n{recipe.error}")


def _listed(recipe: RecipeFile, registry: Registry) -> Listed:
    shown = Listed(name=recipe.qualified, plugin=recipe.plugin, path=str(recipe.path))
    try:
        loaded = load_recipe(recipe.path, registry=registry, gpu=False).recipe
    except RecipeError as error:
        return attrs.evolve(shown, error=str(error))
    except Exception as error:  # a stranger's validators run here, and may raise anything
        return attrs.evolve(shown, error=f"{type(error).__name__}: {error}")
    if not loaded.description:
        return attrs.evolve(shown, error="it has no 'description': one sentence at the top of the file")
    return attrs.evolve(shown, description=loaded.description, cost=loaded.cost)


def _row(recipe: Listed) -> list[str]:
    return [recipe.name, recipe.cost or "", recipe.description if recipe.error is None else "broken"]
