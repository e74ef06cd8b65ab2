"""Which component a name stands for: the kinds, and the components that plugins have registered."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attrs import frozen

from ups_framework.api import Baseline, Dataset, Decoder, Encoder, LossTerm, Metric, Operator, Sampler
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
        "decoder": Kind(hook="ups_decoders", api=Decoder, table="decoder"),
        "sampler": Kind(hook="ups_samplers", api=Sampler, table="sampler"),
        "loss": Kind(hook="ups_losses", api=LossTerm, table="losses.NAME"),
        "metric": Kind(hook="ups_metrics", api=Metric, table="metrics.NAME"),
        "baseline": Kind(hook="ups_baselines", api=Baseline, table="baselines.NAME"),
    }
)
"""All kinds, in the order in which a run builds them."""

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
    """How many components of each kind it registered."""


class Registry:
    """Components by kind and name, and the plugins that they come from."""

    def __init__(self) -> None:
        self._components: list[Component] = []
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

    def record(self, plugin: PluginInfo) -> None:
        """Remember that a plugin was found."""
        self._plugins.append(plugin)

    def discard(self, plugin: str) -> None:
        """Forget everything that a plugin registered."""
        self._components = [component for component in self._components if component.plugin != plugin]

    def components(self, kind: str) -> tuple[Component, ...]:
        """All components of a kind, by name. Raises PluginError if there is no such kind."""
        if kind not in KINDS:
            raise PluginError(f"no kind called {kind!r}{did_you_mean(kind, KINDS)}; kinds are {listed(KINDS)}")
        chosen = (component for component in self._components if component.kind == kind)
        return tuple(sorted(chosen, key=lambda component: (component.name, component.plugin)))

    def find(self, kind: str, name: str) -> Component:
        """The component called `name` or `plugin:name`. Raises PluginError if there is none, or more than one."""
        components = self.components(kind)
        found = [component for component in components if name in (component.name, component.qualified)]
        if not found:
            raise PluginError(self._unknown(kind, name, components))
        if len(found) > 1:
            qualified = " or ".join(repr(component.qualified) for component in found)
            raise PluginError(f"{len(found)} plugins have a {kind} called {name!r}: write {qualified}")
        return found[0]

    def name_of(self, spec: type[Any]) -> str:
        """`plugin:name` of a registered spec. Raises PluginError if it is not registered."""
        for component in self._components:
            if component.spec is spec:
                return component.qualified
        raise PluginError(f"{spec.__module__}.{spec.__name__} is not registered by any plugin")

    def _clashes(self, kind: str, name: str, spec: object, plugin: str) -> list[str]:
        same_name = (kind, name, plugin)
        problems = []
        for known in self._components:
            if known.spec is spec:
                problems.append(f"the class is registered already, as the {known.kind} {known.qualified!r}")
            if (known.kind, known.name, known.plugin) == same_name:
                problems.append("the plugin has registered this name already")
        return problems

    def _unknown(self, kind: str, name: str, components: Sequence[Component]) -> str:
        qualified = ":" in name
        names = [component.qualified if qualified else component.name for component in components]
        near = did_you_mean(name, names) or f"; there are {listed(names)}"
        broken = [f"; plugin {plugin.name!r} is broken: {plugin.error}" for plugin in self._plugins if plugin.error]
        return f"no {kind} called {name!r}{near}{''.join(broken)}"
