"""Find the installed plugins and load each on its own, so that a broken one is reported and stops no other.

registry = load_plugins()
registry.find("operator", "transformer_stack").spec
"""

import traceback
from importlib import metadata
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import attrs
import pluggy

from ups_framework import hookspecs
from ups_framework.api import Renamed
from ups_framework.errors import PluginError
from ups_framework.registry import KINDS, RECIPES_HOOK, Component, Kind, PluginInfo, RecipeFile, Registry
from ups_framework.suggest import did_you_mean, listed

__all__ = ["KINDS", "Component", "Kind", "PluginInfo", "RecipeFile", "Registry", "load_plugins"]

HOOKS = MappingProxyType({**{kind: rule.hook for kind, rule in KINDS.items()}, "recipe": RECIPES_HOOK})
"""What a plugin may offer, and the hook for it."""

GROUP = "ups"
"""The entry point group; the framework's own components are found by it too."""


def load_plugins() -> Registry:
    """Everything that the installed plugins offer. Never fails: `Registry.plugins` says what is broken."""
    registry = Registry()
    taken: dict[str, str] = {}
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: (entry.name, _distribution(entry))):
        info = PluginInfo(
            name=entry.name, distribution=_distribution(entry), version=_version(entry), module=entry.module
        )
        if entry.name in taken:
            reason = f"{taken[entry.name]!r} has a plugin called {entry.name!r} too: uninstall one of the two packages"
            registry.record(attrs.evolve(info, error=reason))
            continue
        taken[entry.name] = info.distribution
        registry.record(_load(entry, info, registry))
    return registry


def _load(entry: metadata.EntryPoint, info: PluginInfo, registry: Registry) -> PluginInfo:
    """Register what one plugin offers; what is returned says how much of it, or why not."""
    try:
        tables = _hook_results(entry.load(), info.name)
        old_names = {kind: _pop_renamed(table) for kind, table in tables.items() if kind in KINDS}
        for kind, table in tables.items():
            for name, item in table.items():
                _add(registry, kind, name, item, info.name)
        for kind, renamed in old_names.items():
            registry.add_renamed(kind, renamed, info.name)
    except (Exception, SystemExit) as error:  # a stranger's module runs here, and may raise anything
        registry.discard(info.name)
        missing = isinstance(error, ModuleNotFoundError) and f"{entry.module}.".startswith(f"{error.name}.")
        reason = f"its entry point names the module {entry.module!r}, which is not there" if missing else _reason(error)
        return attrs.evolve(info, error=reason)
    return attrs.evolve(info, counts={kind: len(table) for kind, table in tables.items() if table})


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


def _reason(error: BaseException) -> str:
    """One paragraph: what went wrong and where."""
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_of_plugin(frame)]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}"


def _is_of_plugin(frame: traceback.FrameSummary) -> bool:
    """Whether a line is the plugin's or its imports', not of the machinery that loads it."""
    machinery = {"importlib", "pluggy"} & set(Path(frame.filename).parts)
    return frame.filename != __file__ and not frame.filename.startswith("<") and not machinery


def _distribution(entry: metadata.EntryPoint) -> str:
    assert entry.dist is not None  # entry points of `metadata.entry_points` always belong to one
    return entry.dist.name


def _version(entry: metadata.EntryPoint) -> str:
    assert entry.dist is not None
    return entry.dist.version
