"""Find the installed plugins and load each on its own, so that a broken one is reported and stops no other.

registry = load_plugins()
registry.find("operator", "transformer_stack").spec
"""

import traceback
from collections import Counter
from importlib import metadata
from pathlib import Path
from types import ModuleType

import attrs
import pluggy

from ups_framework import hookspecs
from ups_framework.errors import PluginError
from ups_framework.registry import KINDS, Component, Kind, PluginInfo, Registry
from ups_framework.suggest import did_you_mean, listed

__all__ = ["KINDS", "Component", "Kind", "PluginInfo", "Registry", "load_plugins"]

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
    """Register the components of one plugin; what is returned says how many, or why not."""
    try:
        tables = _hook_results(entry.load(), info.name)
        added = [
            registry.add(kind, name, spec, info.name) for kind, table in tables.items() for name, spec in table.items()
        ]
    except (Exception, SystemExit) as error:  # a stranger's module runs here, and may raise anything
        registry.discard(info.name)
        return attrs.evolve(info, error=_reason(error))
    return attrs.evolve(info, counts=dict(Counter(component.kind for component in added)))


def _hook_results(module: ModuleType, name: str) -> dict[str, dict[str, type]]:
    """What a plugin's hooks return, by kind. Raises if it breaks the rules of hooks."""
    manager = pluggy.PluginManager("ups")
    manager.add_hookspecs(hookspecs)
    manager.register(module, name)
    _refuse_unknown_hooks(manager, module)
    marked = {caller.name for caller in manager.get_hookcallers(module) or ()}
    results: dict[str, dict[str, type]] = {}
    for kind, rule in KINDS.items():
        if rule.hook in marked:
            results[kind] = _table(rule.hook, getattr(manager.hook, rule.hook)())
        elif rule.hook in vars(module):
            raise PluginError(f"{rule.hook} is not marked with @hookimpl")
    return results


def _refuse_unknown_hooks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = [kind.hook for kind in KINDS.values()]
        unknown = [caller.name for caller in manager.get_hookcallers(module) or () if not caller.has_spec()]
        hints = ", ".join(f"{hook!r}{did_you_mean(hook, known)}" for hook in unknown)
        raise PluginError(f"this version of the framework has no hook {hints}; hooks are {listed(known)}") from error


def _table(hook: str, results: list[object]) -> dict[str, type]:
    """The one result of a plugin's hook, if it is a table."""
    if len(results) != 1 or not isinstance(results[0], dict):
        found = type(results[0]).__name__ if results else "None"
        raise PluginError(f'{hook} returned {found}: expected a table such as {{"name": Class}}')
    return results[0]


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
