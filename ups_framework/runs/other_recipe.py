"""Whether a run may go on with a recipe: whether it is the one that its checkpoints were trained with."""

import tomllib
from pathlib import Path

import attrs

from ups_framework.errors import RecipeError
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe, as_dict, load_recipe
from ups_framework.recipe.difference import Difference, differences
from ups_framework.runs.folder import RunFolder

_OF_NO_WEIGHT = ("gates", "prices", "tracking", "data_folder")
"""Tables and keys of a recipe that change no weight: a run may go on with others."""

_NAMED = 3
"""Keys that a message names of two recipes that differ; how many more it counts."""


def other_recipe(folder: RunFolder, recipe: Recipe, registry: Registry) -> str | None:
    """Why a checkpoint in the folder may not fit; None if its recipe says the same, if in components' old names."""
    if not folder.recipe.exists():
        return None
    if not _is_toml(folder.recipe):
        return "is damaged, and what the run trained with is not known without it; start again under another --name"
    try:
        saved = load_recipe(folder.recipe, registry=registry, profile="none", gpu=False).recipe
    except RecipeError as error:
        return (
            "the run's checkpoint was trained with plugins that have changed or are gone, since its recipe cannot "
            f"be read with those that are installed:\n{error}\nInstall the versions that "
            f"{folder.environment.name} names to go on, or start again under another --name"
        )
    saved = attrs.evolve(saved, **{name: getattr(recipe, name) for name in _OF_NO_WEIGHT})
    if saved == recipe:
        return None
    unlike = differences(as_dict(saved, registry), as_dict(recipe, registry))
    more = f" and {len(unlike) - _NAMED} more" if len(unlike) > _NAMED else ""
    return (
        "is another recipe than the one given, so that its checkpoint does not fit: "
        f"{', '.join(map(_said, unlike[:_NAMED]))}{more}. Go on with the recipe, profile and --set that the run "
        "began with, or give the new recipe another --name"
    )


def _is_toml(path: Path) -> bool:
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # of bytes that are no text too
        return False
    return True


def _said(unlike: Difference) -> str:
    """`training.batch is 16 in the run and 8 here`."""
    own, given = ("not set" if value is None else value for value in (unlike.a, unlike.b))
    return f"{'.'.join(unlike.path)} is {own} in the run and {given} here"
