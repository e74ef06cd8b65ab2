"""TOML in, typed frozen `Recipe` out."""

from ups_framework.recipe.dump import as_dict, dump_recipe, to_plain
from ups_framework.recipe.load import LoadedRecipe, load_recipe
from ups_framework.recipe.recipe import Recipe
from ups_framework.recipe.structure import from_plain
from ups_framework.recipe.tables import Tables, tables_of

__all__ = [
    "LoadedRecipe",
    "Recipe",
    "Tables",
    "as_dict",
    "dump_recipe",
    "from_plain",
    "load_recipe",
    "tables_of",
    "to_plain",
]
