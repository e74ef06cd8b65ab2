"""Names of components in a recipe that a plugin ships: a bare one means the plugin's own before any other plugin's."""

from pathlib import Path
from typing import Any

from ups_framework.registry import Registry


class ShippedName(str):
    """What a shipped recipe writes behind `use`. It stays what it is in recipes of others that extend this one."""

    plugin: str
    """Plugin that ships the recipe."""


def shipping_plugin(path: Path, registry: Registry, extended_by: str) -> str:
    """The plugin that ships a file, else the one whose recipe extends it; empty if it is a user's own."""
    file = path.resolve()
    return next((recipe.plugin for recipe in registry.recipes if recipe.path.resolve() == file), extended_by)


def with_shipped_names(value: Any, plugin: str) -> Any:  # TOML values have no common type
    """Plain values of a file that a plugin ships, in which every `use` tells so."""
    if isinstance(value, list):
        return [with_shipped_names(item, plugin) for item in value]
    if not isinstance(value, dict):
        return value
    named = {key: with_shipped_names(item, plugin) for key, item in value.items()}
    if isinstance(named.get("use"), str):
        named["use"] = ShippedName(named["use"])
        named["use"].plugin = plugin
    return named


def owner_of(name: str) -> str:
    """The plugin whose component a name means first; empty where a user wrote it."""
    return name.plugin if isinstance(name, ShippedName) else ""
