"""What `ups diff` compares: a recipe, or a run with the recipe and the versions that it ran with."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from attrs import frozen

from ups_framework.errors import RunError
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe, load_recipe
from ups_framework.runs.folder import RunFolder


@frozen(kw_only=True)
class Side:
    """One of the two."""

    path: Path
    """File of the recipe, or folder of the run."""

    is_run: bool
    """Whether it is a run."""

    profile: str | None
    """Profile that was laid over the recipe, if any."""

    recipe: Recipe
    """Resolved."""

    versions: Mapping[str, str]
    """Version of each distribution with plugins: those of the run, or those that are installed."""

    @property
    def label(self) -> str:
        """Path, and how it was read."""
        if self.is_run:
            return f"{self.path} (run)"
        return str(self.path) if self.profile is None else f"{self.path} (profile {self.profile})"


def read_side(path: Path, registry: Registry, profile: str | None) -> Side:
    """A folder as a run, anything else as a recipe with its profile. Raises as `ups run` does.

    What is not there is taken for a run where nothing tells that a recipe is meant.
    """
    gpu = torch.cuda.is_available()
    if path.is_dir() or not (os.path.lexists(path) or _may_be_recipe(path, registry)):
        folder = RunFolder.open_begun(path)
        loaded = load_recipe(folder.recipe, registry=registry, profile="none", gpu=gpu)
        return Side(path=path, is_run=True, profile=None, recipe=loaded.recipe, versions=_recorded(folder))
    loaded = load_recipe(path, registry=registry, profile=profile, gpu=gpu)
    return Side(path=path, is_run=False, profile=loaded.profile, recipe=loaded.recipe, versions=_installed(registry))


def _may_be_recipe(path: Path, registry: Registry) -> bool:
    """Whether a name that is no file's is like that of a recipe: of a file, or of one that a plugin ships."""
    shipped = str(path) in {recipe.name for recipe in registry.recipes}
    return shipped or path.suffix == ".toml" or ":" in str(path) or any(path.parent.glob("*.toml"))


def _recorded(folder: RunFolder) -> Mapping[str, str]:
    try:
        versions = json.loads(folder.environment.read_text(encoding="utf-8"))["distributions"]
    except OSError as error:
        raise RunError(f"{folder.environment}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder.environment}: is damaged, or no file that ups wrote ({error})") from error
    if not isinstance(versions, dict) or not all(isinstance(version, str) for version in versions.values()):
        raise RunError(f"{folder.environment}: is damaged: 'distributions' is no table of versions")
    return versions


def _installed(registry: Registry) -> Mapping[str, str]:
    return {plugin.distribution: plugin.version for plugin in registry.plugins}
