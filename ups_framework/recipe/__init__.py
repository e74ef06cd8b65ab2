"""TOML in, typed frozen `Recipe` out."""

from ups_framework.recipe.dump import as_dict, dump_recipe, to_plain
from ups_framework.recipe.load import LoadedRecipe, load_recipe
from ups_framework.recipe.recipe import Recipe
from ups_framework.recipe.structure import from_plain

__all__ = ["LoadedRecipe", "Recipe", "as_dict", "dump_recipe", "from_plain", "load_recipe", "to_plain"]
