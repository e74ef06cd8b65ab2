"""TOML in, typed frozen `Recipe` out."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_MODULES = {
    **dict.fromkeys(("as_dict", "dump_recipe", "to_plain"), "dump"),
    **dict.fromkeys(("LoadedRecipe", "load_recipe"), "load"),
    **dict.fromkeys(("Tables", "tables_of"), "tables"),
    "Recipe": "recipe",
    "from_plain": "structure",
}


def __getattr__(name: str) -> object:
    """Load a name on first use: what reads resolved recipes as plain tables must not wait for torch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
