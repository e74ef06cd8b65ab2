"""Where a recipe is: in a file, or with a plugin that ships it as `plugin:name`."""

import os
from pathlib import Path

from ups_framework.errors import Mistake, PluginError, RecipeError
from ups_framework.registry import Registry


def locate(recipe: str, registry: Registry) -> tuple[Path, str]:
    """The file of a recipe and the name of its runs. Raises RecipeError if no plugin ships what is no file."""
    named = Path(recipe)
    shipped = [item.qualified for item in registry.recipes if item.name == recipe]
    if shipped and not os.path.lexists(named):
        problem = f"there is no such file; the recipe that a plugin ships is {' or '.join(map(repr, shipped))}"
        raise RecipeError([Mistake(path=recipe, problem=problem)])
    file = locate_base(recipe, named, registry)
    return file, named.stem if file == named else recipe.replace(":", "_")


def locate_base(name: str, file: Path, registry: Registry, named_at: str = "") -> Path:
    """`file`, or a plugin's recipe where the name has a ':' and is no file's. RecipeError if no plugin has it."""
    if ":" not in name or os.path.lexists(file):
        return file
    try:
        return registry.find_recipe(name).path
    except PluginError as error:
        problem = f"there is no such file, and {error}"
        raise RecipeError([Mistake(path=name, problem=problem, source=named_at)]) from error
