"""A recipe file and what the command line adds to it → a typed recipe."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from ups_framework.errors import Mistake, RecipeError
from ups_framework.recipe.inherited import drop_unused_losses
from ups_framework.recipe.node import Node, lay
from ups_framework.recipe.profiles import profiles_of
from ups_framework.recipe.recipe import Recipe
from ups_framework.recipe.settings import read_settings
from ups_framework.recipe.source import read_file
from ups_framework.recipe.structure import structure
from ups_framework.registry import Registry
from ups_framework.suggest import did_you_mean, listed


@frozen(kw_only=True)
class LoadedRecipe:
    """A recipe and how it was found."""

    recipe: Recipe
    """The recipe, complete and valid in itself."""

    name: str
    """Name of the file without `.toml`."""

    profile: str | None
    """Profile that was laid over it, if any."""

    source: Node = field(repr=False)
    """The plain values that it was read from."""

    def origin(self, path: str) -> str:
        """The file, profile or `--set` that set the value at a dotted path."""
        return self.source.origin_of(path.split("."))


def load_recipe(
    path: str | Path,
    *,
    registry: Registry,
    settings: Sequence[str] = (),
    profile: str | None = None,
    gpu: bool,
) -> LoadedRecipe:
    """Read a recipe file, or the resolved `recipe.toml` of a run.

    Profile `cpu` is used by itself where there is no `gpu` and the recipe has one; `profile="none"` uses none.
    Profiles that are not used are checked too, so that a recipe which loads here loads on every machine.
    Raises RecipeError with every mistake at once.
    """
    layers = read_file(Path(path))
    profiles, base = profiles_of(layers), layers.without("profile")
    chosen = _choose(profiles, profile, gpu)
    layer = read_settings(settings)
    own = lay(_with_profile(base, profiles, chosen), layer)
    mistakes: list[Mistake] = []
    recipe = _attempt(own, str(path), registry, mistakes)
    for other in (name for name in (None, *profiles) if name != chosen):
        unused: list[Mistake] = []
        _attempt(lay(_with_profile(base, profiles, other), layer), str(path), registry, unused)
        mistakes += [mistake for mistake in unused if "--set " not in mistake.source]  # meant for the chosen one
    if recipe is None or mistakes:
        raise RecipeError(_once(mistakes))
    return LoadedRecipe(recipe=recipe, name=Path(path).stem, profile=chosen, source=own)


def _choose(profiles: Mapping[str, Node], wanted: str | None, gpu: bool) -> str | None:
    if wanted == "none":
        return None
    if wanted is None:
        return "cpu" if not gpu and "cpu" in profiles else None
    if wanted not in profiles:
        problem = f"no profile called {wanted!r}{did_you_mean(wanted, profiles)}; profiles are {listed(profiles)}"
        raise RecipeError([Mistake(path="profile", problem=problem, source=f"--profile {wanted}")])
    return wanted


def _with_profile(base: Node, profiles: Mapping[str, Node], name: str | None) -> Node:
    return base if name is None else lay(base, profiles[name])


def _attempt(source: Node, path: str, registry: Registry, mistakes: list[Mistake]) -> Recipe | None:
    """The recipe, or None and its mistakes added to the list."""
    try:
        return structure(drop_unused_losses(source, path), registry)
    except RecipeError as error:
        mistakes += error.mistakes
        return None


def _once(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    return tuple(dict.fromkeys(mistakes))
