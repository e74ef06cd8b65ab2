"""Which component or recipe a name stands for: the kinds, and what plugins have registered."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from attrs import frozen

from ups_framework.api import (
    Baseline,
    Dataset,
    Decoder,
    Encoder,
    Guard,
    LatentTransform,
    LossTerm,
    Metric,
    Operator,
    Picture,
    Renamed,
    Sampler,
)
from ups_framework.errors import PluginError
from ups_framework.spec_rules import name_problems, spec_problems
from ups_framework.suggest import did_you_mean, listed


@frozen(kw_only=True)
class Kind:
    """A kind of component."""

    hook: str
    """Name of the hook that registers it."""

    api: type[Any]  # an abstract class, which mypy does not take as `type[object]` where it is passed on
    """The abstract class that its specs inherit from."""

    table: str
    """The recipe's table that names one."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "dataset": Kind(hook="ups_datasets", api=Dataset, table="data"),
        "encoder": Kind(hook="ups_encoders", api=Encoder, table="encoder"),
        "operator": Kind(hook="ups_operators", api=Operator, table="operator"),
        "latent_transform": Kind(hook="ups_latent_transforms", api=LatentTransform, table="latent_transforms.NAME"),
        "decoder": Kind(hook="ups_decoders", api=Decoder, table="decoder"),
        "guard": Kind(hook="ups_guards", api=Guard, table="guards.NAME"),
        "sampler": Kind(hook="ups_samplers", api=Sampler, table="sampler"),
        "loss": Kind(hook="ups_losses", api=LossTerm, table="losses.NAME"),
        "metric": Kind(hook="ups_metrics", api=Metric, table="metrics.NAME"),
        "baseline": Kind(hook="ups_baselines", api=Baseline, table="baselines.NAME"),
        "picture": Kind(hook="ups_pictures", api=Picture, table="pictures.NAME"),
    }
)
"""All kinds, in the order in which a run builds them."""

OWN = "builtin"
"""The plugin that comes with the framework."""

TERM_KEYS = ("weight", "share", "ramp")
"""Keys of every loss table, which no loss term may have as a field."""

KIND_CLASSES = tuple(kind.api for kind in KINDS.values())
"""The abstract classes: as the type of a field they ask for a nested table with `use`."""


@frozen(kw_only=True)
class Component:
    """A spec under the name by which recipes know it."""

    kind: str
    """Key of `KINDS`."""

    name: str
    """Name in recipes."""

    plugin: str
    """Plugin that registered it."""

    spec: type[Any]  # a final class of one of the kinds, which share no base
    """The class."""

    @property
    def qualified(self) -> str:
        """`plugin:name`, which is never ambiguous."""
        return f"{self.plugin}:{self.name}"


@frozen(kw_only=True)
class OldName:
    """A name that a component had before."""

    name: str
    """The old name, without its plugin."""

    component: Component
    """What it stands for."""

    since: str
    """Version of the plugin in which the component got the name that it has now."""


RECIPES_HOOK = "ups_recipes"
"""Name of the hook that registers recipes, which are files and so no kind of component."""


@frozen(kw_only=True)
class RecipeFile:
    """A recipe that a plugin ships."""

    name: str
    """Name without its plugin, and of its runs."""

    plugin: str
    """Plugin that ships it."""

    path: Path
    """The TOML file."""

    @property
    def qualified(self) -> str:
        """`plugin:name`, by which the command line and `extends` know it."""
        return f"{self.plugin}:{self.name}"


_Named = TypeVar("_Named", Component, RecipeFile)


@frozen(kw_only=True)
class PluginInfo:
    """A plugin that was found, whether or not it works."""

    name: str
    """Name of its entry point."""

    distribution: str
    """Package that brought it."""

    version: str
    """Version of that package."""

    module: str
    """Module that the entry point names."""

    error: str | None = None
    """Why it could not be loaded; None if it was."""

    counts: Mapping[str, int] = MappingProxyType({})
    """How many components of each kind it registered, and how many recipes."""


class Registry:
    """Components by kind and name, recipes by name, and the plugins that they come from."""

    def __init__(self) -> None:
        self._components: list[Component] = []
        self._old_names: list[OldName] = []
        self._recipes: list[RecipeFile] = []
        self._plugins: list[PluginInfo] = []

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """All plugins that were found, working or broken, in the order of their names."""
        return tuple(self._plugins)

    def add(self, kind: str, name: str, spec: type[Any], plugin: str) -> Component:
        """Register a spec. Raises PluginError with everything that breaks the rules of specs (docs/plugins.md)."""
        problems = [*name_problems(name), *self._clashes(kind, name, spec, plugin)]
        reserved = TERM_KEYS if kind == "loss" else ()
        problems += spec_problems(spec, KINDS[kind].api, reserved=reserved, kinds=KIND_CLASSES)
        if problems:
            label = spec.__name__ if isinstance(spec, type) else repr(spec)
            raise PluginError(f"{kind} {name!r} ({label}): {'; '.join(problems)}")
        component = Component(kind=kind, name=name, plugin=plugin, spec=spec)
        self._components.append(component)
        return component

    def add_renamed(self, kind: str, renamed: Mapping[str, Renamed], plugin: str) -> None:
        """Register old names of components that the plugin has added. PluginError if one leads to no component."""
        components = {item.name: item for item in self.components(kind) if item.plugin == plugin}
        for name, item in renamed.items():
            problems = [*name_problems(name), *_rename_problems(name, item, components, renamed)]
            if problems:
                raise PluginError(f"{kind} {name!r} (renamed to {item.to!r}): {'; '.join(problems)}")
            self._old_names.append(OldName(name=name, component=components[item.to], since=item.since))

    def add_recipe(self, name: str, path: Path, plugin: str) -> RecipeFile:
        """Register a recipe. Raises PluginError if the name is none or the path no TOML file."""
        problems = [*name_problems(name), *_file_problems(path)]
        if problems:
            raise PluginError(f"recipe {name!r} ({path}): {'; '.join(problems)}")
        recipe = RecipeFile(name=name, plugin=plugin, path=path)
        self._recipes.append(recipe)
        return recipe

    def record(self, plugin: PluginInfo) -> None:
        """Remember that a plugin was found."""
        self._plugins.append(plugin)

    def discard(self, plugin: str) -> None:
        """Forget everything that a plugin registered."""
        self._components = [component for component in self._components if component.plugin != plugin]
        self._old_names = [old for old in self._old_names if old.component.plugin != plugin]
        self._recipes = [recipe for recipe in self._recipes if recipe.plugin != plugin]

    def components(self, kind: str) -> tuple[Component, ...]:
        """All components of a kind, by name. Raises PluginError if there is no such kind."""
        if kind not in KINDS:
            raise PluginError(f"no kind called {kind!r}{did_you_mean(kind, KINDS)}; kinds are {listed(KINDS)}")
        chosen = (component for component in self._components if component.kind == kind)
        return tuple(sorted(chosen, key=lambda component: (component.name, component.plugin)))

    def components_of(self, plugin: str) -> tuple[Component, ...]:
        """All components of a plugin, by kind and name."""
        return tuple(item for kind in KINDS for item in self.components(kind) if item.plugin == plugin)

    def find(self, kind: str, name: str, *, first: str = "") -> Component:
        """The component called `name` or `plugin:name`, now or before. PluginError if there is none or several.

        A name of the framework's own means that one, whatever is installed beside it; one that several plugins have
        means that of the plugin `first`, if it is one of them.
        """
        return self._one(kind, name, self.components(kind), first)

    def leads_to(self, name: str, component: Component) -> bool:
        """Whether `find` gives this component for a name."""
        return self._called(name, self.components(component.kind)) == [component]

    def short_name(self, component: Component) -> str:
        """Its name, with the plugin where others are called so too."""
        return component.name if self.leads_to(component.name, component) else component.qualified

    def old_name(self, component: Component, name: str) -> OldName | None:
        """The old name that `name` or `plugin:name` is of a component; None if it is no old one."""
        old_names = (old for old in self._old_names if old.component is component)
        return next((old for old in old_names if name.rpartition(":")[2] == old.name), None)

    @property
    def old_names(self) -> tuple[OldName, ...]:
        """All names that components had before."""
        return tuple(self._old_names)

    @property
    def recipes(self) -> tuple[RecipeFile, ...]:
        """All recipes that plugins ship, by qualified name."""
        return tuple(sorted(self._recipes, key=lambda recipe: recipe.qualified))

    def find_recipe(self, name: str) -> RecipeFile:
        """The recipe called `name` or `plugin:name`. Raises PluginError if there is none, or more than one."""
        return self._one("recipe", name, self.recipes)

    def name_of(self, spec: type[Any]) -> str:
        """`plugin:name` of a registered spec. Raises PluginError if it is not registered."""
        return self.component_of(spec).qualified

    def component_of(self, spec: type[Any]) -> Component:
        """The component that a spec is registered as. Raises PluginError if it is not."""
        for component in self._components:
            if component.spec is spec:
                return component
        raise PluginError(f"{spec.__module__}.{spec.__name__} is not registered by any plugin")

    def _clashes(self, kind: str, name: str, spec: object, plugin: str) -> list[str]:
        same_name = (kind, name, plugin)
        problems = []
        for known in self._components:
            if known.spec is spec:
                problems.append(f"the class is registered already, as the {known.kind} {known.qualified!r}")
            if (known.kind, known.name, known.plugin) == same_name:
                problems.append("the plugin has registered this name already")
        if same_name in [(old.component.kind, old.name, old.component.plugin) for old in self._old_names]:
            problems.append("the plugin has registered this name already, as an old one")
        return problems

    def _one(self, kind: str, name: str, offered: Sequence[_Named], first: str = "") -> _Named:
        found = self._called(name, offered)
        found = [item for item in found if item.plugin == first] or found
        if not found:
            raise PluginError(self._unknown(kind, name, offered))
        if len(found) > 1:
            qualified = " or ".join(repr(item.qualified) for item in found)
            raise PluginError(f"{len(found)} plugins have {_a(kind)} called {name!r}: write {qualified}")
        return found[0]

    def _called(self, name: str, offered: Sequence[_Named]) -> list[_Named]:
        named = [item for item in offered if name in self._names(item)]
        return [item for item in named if item.plugin == OWN] or named

    def _names(self, item: Component | RecipeFile) -> set[str]:
        """All names that an item goes by."""
        names = {item.name, *(old.name for old in self._old_names if old.component is item)}
        return names | {f"{item.plugin}:{name}" for name in names}

    def _unknown(self, kind: str, name: str, offered: Sequence[Component] | Sequence[RecipeFile]) -> str:
        plugin = name.rpartition(":")[0]
        names = [item.qualified if plugin else item.name for item in offered]
        near = did_you_mean(name, names)
        broken = {info.name: f"; plugin {info.name!r} is broken: {info.error}" for info in self._plugins if info.error}
        if plugin in broken:
            return f"no {kind} called {name!r}{broken[plugin]}"
        if plugin and plugin not in self._plugin_names():
            return (
                f"no {kind} called {name!r}{near}; no plugin called {plugin!r} is installed in this environment "
                "(entry points are read when a package is installed: `pip install -e` it again after changing them)"
            )
        return f"no {kind} called {name!r}{near or f'; there are {listed(names)}'}{''.join(broken.values())}"

    def _plugin_names(self) -> set[str]:
        return {info.name for info in self._plugins} | {component.plugin for component in self._components}


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _rename_problems(
    name: str, renamed: Renamed, components: Mapping[str, Component], others: Mapping[str, Renamed]
) -> Iterator[str]:
    """What keeps an old name from leading to one of the plugin's components."""
    if name in components:
        yield "a component has this name now"
    if renamed.to in others:
        yield f"{renamed.to!r} is an old name too: write the one that the component has now"
    elif renamed.to not in components:
        yield f"there is no such component in the same table{did_you_mean(renamed.to, components)}"


def _file_problems(path: object) -> Iterator[str]:
    """What keeps a value from being the file of a recipe."""
    if not isinstance(path, Path):
        yield 'it is no path: write Path(__file__).parent / "recipes/NAME.toml"'
    elif not path.is_absolute():
        yield "the path is relative: begin it with Path(__file__).parent"
    elif path.suffix != ".toml" or not path.is_file():
        yield "there is no such TOML file (a built package has it only if its build takes .toml files along)"
