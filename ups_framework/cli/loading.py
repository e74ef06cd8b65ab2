"""A recipe as `ups run` and `ups check` read it."""

from collections.abc import Sequence
from pathlib import Path

import click
import torch

from ups_framework.cli.output import visible
from ups_framework.engine.mistakes import mistakes_between
from ups_framework.plugins import Registry
from ups_framework.recipe import LoadedRecipe, load_recipe


def load(
    path: Path, registry: Registry, settings: Sequence[str], profile: str | None, *, err: bool = False
) -> LoadedRecipe:
    """The recipe for this machine, without mistakes; old names in it and the profile that is laid over it are said.

    With `err` all of it on stderr.

    Raises RecipeError with all mistakes, each with its place.
    """
    gpu = torch.cuda.is_available()
    loaded = load_recipe(path, registry=registry, settings=settings, profile=profile, gpu=gpu, judge=mistakes_between)
    if loaded.profile is not None:
        click.echo(f"profile {loaded.profile!r} is laid over the recipe (--profile none takes it as it is)", err=err)
    for notice in loaded.notices:
        warn(str(notice))
    return loaded


def warn(text: str) -> None:
    """One line on stderr."""
    click.echo(visible(f"Warning: {text}"), err=True)
