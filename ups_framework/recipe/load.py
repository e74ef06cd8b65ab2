"""A recipe file and what the command line adds to it → a typed recipe."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, field, frozen

from ups_framework.errors import Mistake, RecipeError
from ups_framework.recipe.inherited import drop_unused_losses
from ups_framework.recipe.locate import locate
from ups_framework.recipe.node import Node, lay
from ups_framework.recipe.profiles import profiles_of
from ups_framework.recipe.recipe import Recipe
from ups_framework.recipe.renames import old_names
from ups_framework.recipe.settings import read_settings
from ups_framework.recipe.source import read_file
from ups_framework.recipe.structure import readable, structure
from ups_framework.recipe.tables import Tables, tables_of
from ups_framework.registry import Registry
from ups_framework.suggest import did_you_mean, listed

Judge = Callable[[Tables], Sequence[Mistake]]
"""Finds mistakes in the tables of a recipe that could be read: those that only show when they are put together."""


def _no_more(_: Tables) -> Sequence[Mistake]:
    return ()


@frozen(kw_only=True)
class LoadedRecipe:
    """A recipe and how it was found."""

    recipe: Recipe
    """The recipe, complete and valid in itself."""

    name: str
    """Name of the file without `.toml`, or of a plugin's recipe without the plugin."""

    profile: str | None
    """Profile that was laid over it, if any."""

    source: Node = field(repr=False)
    """The plain values that it was read from."""

    notices: tuple[Mistake, ...] = ()
    """What works, but was written in a way that will not for ever: old names of components."""

    def origin(self, path: str) -> str:
        """Where the value at a dotted path was set: `file:line`, `profile NAME in file:line` or `--set KEY=VALUE`.

        Of a key that has its default: where the table around it was.
        """
        return self.source.origin_of(path.split("."))

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Mistakes of this recipe that are raised inside come out with their places."""
        try:
            yield
        except RecipeError as error:
            raise RecipeError([_located(mistake, self.source) for mistake in error.mistakes]) from error


def load_recipe(
    path: str | Path,
    *,
    registry: Registry,
    settings: Sequence[str] = (),
    profile: str | None = None,
    gpu: bool,
    judge: Judge = _no_more,
) -> LoadedRecipe:
    """Read a recipe: a file, `plugin:name`, or the resolved `recipe.toml` of a run.

    Profile `cpu` is used by itself where there is no `gpu` and the recipe has one; `profile="none"` uses none.
    Profiles that are not used are read too, so that a recipe which loads here loads on every machine. What `judge`
    finds in the recipe that is used counts as well. Raises RecipeError with every mistake at once.
    """
    file, name = locate(str(path), registry)
    layers = read_file(file, registry)
    profiles, base = profiles_of(layers), layers.without("profile")
    chosen = _choose(profiles, profile, gpu)
    layer = read_settings(settings)
    own = lay(_with_profile(base, profiles, chosen), layer)
    reading = _read(own, str(file), registry, judge)
    others = [lay(_with_profile(base, profiles, other), layer) for other in (None, *profiles) if other != chosen]
    unused = [_read(other, str(file), registry) for other in others]
    mistakes = [*reading.mistakes, *(mistake for other in unused for mistake in other.mistakes if not _is_set(mistake))]
    if reading.recipe is None or mistakes:
        raise RecipeError(_once(mistakes))
    notices = _once(notice for each in (reading, *unused) for notice in each.notices)
    return LoadedRecipe(recipe=reading.recipe, name=name, profile=chosen, source=own, notices=notices)


def load_to_evaluate(path: Path, *, registry: Registry, settings: Sequence[str] = ()) -> LoadedRecipe:
    """The resolved recipe of a run with another loss in place of its own, which evaluation does not need.

    Plugins whose losses a run was trained on may be gone. Raises RecipeError with every mistake at once.
    """
    run = read_file(path, registry)
    stages = run.tables["stages"].tables if "stages" in run.tables else {}
    stand_in = ["losses={none={use='builtin:relative_l2'}}", *(f"stages.{name}.losses=['none']" for name in stages)]
    source = lay(lay(run.without("losses"), read_settings(stand_in)), read_settings(settings))
    return LoadedRecipe(recipe=structure(source, registry), name=path.stem, profile=None, source=source)


def _choose(profiles: Mapping[str, Node], wanted: str | None, gpu: bool) -> str | None:
    if wanted == "none":
        return None
    if wanted is None:
        return "cpu" if not gpu and "cpu" in profiles else None
    if wanted not in profiles:
        known = f"profiles are {listed(profiles)}" if profiles else "the recipe has no profiles"
        problem = f"no profile called {wanted!r}{did_you_mean(wanted, profiles)}; {known}"
        raise RecipeError([Mistake(path="profile", problem=problem, source=f"--profile {wanted}")])
    return wanted


def _with_profile(base: Node, profiles: Mapping[str, Node], name: str | None) -> Node:
    return base if name is None else lay(base, profiles[name])


@frozen(kw_only=True)
class _Reading:
    """What became of a recipe with one of its profiles."""

    recipe: Recipe | None = None
    mistakes: tuple[Mistake, ...] = ()
    notices: tuple[Mistake, ...] = ()


def _read(source: Node, path: str, registry: Registry, judge: Judge = _no_more) -> _Reading:
    source = drop_unused_losses(source, path)
    try:
        recipe = structure(source, registry)
    except RecipeError as error:
        return _Reading(mistakes=(*error.mistakes, *_judged(readable(source, registry), source, judge)))
    mistakes = _judged(tables_of(recipe), source, judge)
    return _Reading(recipe=recipe, mistakes=mistakes, notices=tuple(old_names(recipe, source, registry)))


def _judged(tables: Tables, source: Node, judge: Judge) -> tuple[Mistake, ...]:
    return tuple(_located(mistake, source) for mistake in judge(tables))


def _located(mistake: Mistake, source: Node) -> Mistake:
    return mistake if mistake.source else evolve(mistake, source=source.origin_of(mistake.path.split(".")))


def _is_set(mistake: Mistake) -> bool:
    """Whether `--set` had a part in it: such values are meant for the profile that was chosen."""
    return "--set " in mistake.source


def _once(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    return tuple(dict.fromkeys(mistakes))
