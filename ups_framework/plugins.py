"""Find the installed plugins and load each on its own, so that a broken one is reported and stops no other.

registry = load_plugins()
registry.find("operator", "transformer_stack").spec
"""

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import metadata
from types import MappingProxyType, ModuleType
from typing import Any

import attrs
import pluggy

from ups_framework import hookspecs
from ups_framework.api import Renamed
from ups_framework.border import PASSING, reason, text_of
from ups_framework.errors import PluginError
from ups_framework.process import ENVIRONMENT, process_state, restore
from ups_framework.registry import KINDS, OWN, RECIPES_HOOK, Component, Kind, PluginInfo, RecipeFile, Registry
from ups_framework.spec_rules import name_problems
from ups_framework.suggest import did_you_mean, listed

__all__ = ["KINDS", "Component", "Kind", "PluginInfo", "RecipeFile", "Registry", "load_plugins"]

HOOKS = MappingProxyType({**{kind: rule.hook for kind, rule in KINDS.items()}, "recipe": RECIPES_HOOK})
"""What a plugin may offer, and the hook for it."""

GROUP = "ups"
"""The entry point group; the framework's own components are found by it too."""


_OURS = "ups-framework"
"""The package whose plugin nobody may stand in for."""


def load_plugins() -> Registry:
    """Everything that the installed plugins offer. Never fails: `Registry.plugins` says what is broken.

    What plugins print goes to the standard error, so that the output of a command is its own.
    """
    registry = Registry()
    used: dict[str, PluginInfo] = {}
    for entry in sorted(_entries(), key=_order):
        info = PluginInfo(
            name=entry.name, distribution=_distribution(entry), version=_version(entry), module=entry.value
        )
        problems = [*_entry_problems(entry), *_clash(info, used)]
        if problems:
            registry.record(attrs.evolve(info, error="; ".join(problems)))
            continue
        used[entry.name] = info = attrs.evolve(info, module=entry.module)
        with redirect_stdout(sys.stderr):
            registry.record(_load(entry, info, registry))
    return registry


def distributions() -> dict[str, str]:
    """Versions of all installed packages that offer plugins; the framework is one of them."""
    return dict(sorted((_distribution(entry), _version(entry)) for entry in _entries()))


def _entries() -> list[metadata.EntryPoint]:
    """Those of each package once: an aborted pip leaves a second folder `~name-version.dist-info` of one."""
    found: dict[tuple[str, str, str], metadata.EntryPoint] = {}
    for entry in metadata.entry_points(group=GROUP):
        key = (_distribution(entry), entry.name, entry.value)
        if key not in found or _version(entry) == _installed_version(entry):
            found[key] = entry
    return list(found.values())


def _order(entry: metadata.EntryPoint) -> tuple[bool, str, str]:
    """The framework's own plugin first, the others by name."""
    return not (_distribution(entry) == _OURS and entry.name == OWN), entry.name, _distribution(entry)


def _entry_problems(entry: metadata.EntryPoint) -> Iterator[str]:
    """What is wrong with an entry point before anything is imported."""
    yield from name_problems(entry.name)
    if entry.pattern.match(entry.value) is None:
        yield f'its entry point says {entry.value!r}, which names no module: write {entry.name} = "package.module"'


def _clash(info: PluginInfo, used: dict[str, PluginInfo]) -> Iterator[str]:
    """Another package has taken the name."""
    if info.name in used:
        other = used[info.name]
        yield (
            f"not used: {other.distribution!r} {other.version} has a plugin called {info.name!r} too, which is the one "
            f"that is used (module {other.module}); uninstall {info.distribution!r} or rename its entry point"
        )


def _load(entry: metadata.EntryPoint, info: PluginInfo, registry: Registry) -> PluginInfo:
    """Register what one plugin offers; what is returned says how much of it, or why not."""
    before = process_state()
    del before[ENVIRONMENT]  # libraries that a plugin imports set variables for themselves
    error, counts = None, {}
    try:
        counts = _register(_hook_results(_module(entry), info.name), info.name, registry)
    except PASSING:
        raise
    except BaseException as raised:  # a stranger's module runs here, and may raise anything
        error = _why(raised, entry)
    changed = restore(before)
    if changed and error is None:
        error = f"to import it changes {', '.join(changed)} of the whole process, for everybody else too"
    if error is None:
        return attrs.evolve(info, counts=counts)
    registry.discard(info.name)
    return attrs.evolve(info, error=error)


def _module(entry: metadata.EntryPoint) -> ModuleType:
    loaded = entry.load()
    if not isinstance(loaded, ModuleType):
        raise PluginError(
            f"its entry point {entry.value!r} leads to what is no module: name the one that has the hooks, "
            f"{entry.module!r} without what follows the ':'"
        )
    return loaded


def _register(tables: dict[str, dict[str, object]], plugin: str, registry: Registry) -> dict[str, int]:
    """Register what the hooks gave; how much of each kind it is."""
    old_names = {kind: _pop_renamed(table) for kind, table in tables.items() if kind in KINDS}
    for kind, table in tables.items():
        for name, item in table.items():
            _add(registry, kind, name, item, plugin)
    for kind, renamed in old_names.items():
        registry.add_renamed(kind, renamed, plugin)
    return {kind: len(table) for kind, table in tables.items() if table}


def _pop_renamed(table: dict[str, object]) -> dict[str, Renamed]:
    """Take the old names out of a hook's table."""
    renamed = {name: item for name, item in table.items() if isinstance(item, Renamed)}
    for name in renamed:
        del table[name]
    return renamed


def _add(registry: Registry, kind: str, name: str, item: Any, plugin: str) -> None:
    """Register one entry of a table, which may be anything: the registry checks it."""
    if kind == "recipe":
        registry.add_recipe(name, item, plugin)
    else:
        registry.add(kind, name, item, plugin)


def _hook_results(module: ModuleType, name: str) -> dict[str, dict[str, object]]:
    """What a plugin's hooks return, by what they offer. Raises if it breaks the rules of hooks."""
    manager = pluggy.PluginManager("ups")
    manager.add_hookspecs(hookspecs)
    manager.register(module, name)
    _refuse_unknown_hooks(manager, module)
    marked = {caller.name for caller in manager.get_hookcallers(module) or ()}
    results: dict[str, dict[str, object]] = {}
    for kind, hook in HOOKS.items():
        if hook in marked:
            results[kind] = _table(hook, getattr(manager.hook, hook)())
        elif hook in vars(module):
            raise PluginError(f"{hook} is not marked with @hookimpl")
    return results


def _refuse_unknown_hooks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = list(HOOKS.values())
        unknown = [caller.name for caller in manager.get_hookcallers(module) or () if not caller.has_spec()]
        hints = ", ".join(f"{hook!r}{did_you_mean(hook, known)}" for hook in unknown)
        raise PluginError(f"this version of the framework has no hook {hints}; hooks are {listed(known)}") from error


def _table(hook: str, results: list[object]) -> dict[str, object]:
    """The one result of a plugin's hook, if it is a table."""
    if len(results) != 1 or not isinstance(results[0], dict):
        found = type(results[0]).__name__ if results else "None"
        example = "Path(...)" if hook == RECIPES_HOOK else "Class"
        raise PluginError(f'{hook} returned {found}: expected a table such as {{"name": {example}}}')
    return dict(results[0])


def _why(error: BaseException, entry: metadata.EntryPoint) -> str:
    """One paragraph: what went wrong and where."""
    if isinstance(error, PluginError):
        return text_of(error)
    if isinstance(error, ModuleNotFoundError) and f"{entry.module}.".startswith(f"{error.name}."):
        return f"its entry point names the module {entry.module!r}, which is not there"
    return reason(error)


def _distribution(entry: metadata.EntryPoint) -> str:
    """Name of the package; '?' where its metadata is gone."""
    return _metadata(entry, "Name")


def _version(entry: metadata.EntryPoint) -> str:
    return _metadata(entry, "Version")


def _metadata(entry: metadata.EntryPoint, key: str) -> str:
    """A line of what a package says of itself, which may be lost or damaged."""
    assert entry.dist is not None  # entry points of `metadata.entry_points` always belong to one
    lines = entry.dist.metadata
    return str(lines[key]) if lines is not None and key in lines else "?"


def _installed_version(entry: metadata.EntryPoint) -> str | None:
    """Version of the package that Python finds by the name of the one that the entry point is of."""
    try:
        return metadata.version(_distribution(entry))
    except metadata.PackageNotFoundError:
        return None
