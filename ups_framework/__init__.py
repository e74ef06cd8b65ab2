"""Neural simulators of physics, trained from a TOML recipe, extended by plugins.

Plugin authors import `hookimpl` from here and everything else from `ups_framework.api`, `.numerics` and `.data`.
Users of a trained simulator import `Simulator`.
"""

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ups_framework.engine.simulator import Simulator

__all__ = ["Simulator", "hookimpl"]

hookimpl = pluggy.HookimplMarker("ups")
"""Marks a plugin's function as the implementation of the hook of the same name in `ups_framework.hookspecs`."""


def __getattr__(name: str) -> object:
    """Load `Simulator` on first use: `ups --help` and plugin discovery must not wait for torch."""
    if name == "Simulator":
        from ups_framework.engine.simulator import Simulator

        return Simulator
    raise AttributeError(f"module 'ups_framework' has no attribute {name!r}")
