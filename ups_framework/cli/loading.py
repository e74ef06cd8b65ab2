"""A recipe as `ups run` and `ups check` read it."""

from collections.abc import Sequence
from pathlib import Path

import click
import torch

from ups_framework.plugins import Registry
from ups_framework.recipe import LoadedRecipe, load_recipe


def load(path: Path, registry: Registry, settings: Sequence[str], profile: str | None) -> LoadedRecipe:
    """The recipe for this machine; a profile that is laid over it is said."""
    loaded = load_recipe(path, registry=registry, settings=settings, profile=profile, gpu=torch.cuda.is_available())
    if loaded.profile is not None:
        click.echo(f"profile {loaded.profile!r} is laid over the recipe (--profile none takes it as it is)")
    return loaded
