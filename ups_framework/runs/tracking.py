"""Showing a run in Aim while it runs. The run's folder is the truth; a tracker only shows it.

Tracking never breaks and never blocks training: what goes wrong is reported once, and the run goes on without Aim.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ups_framework.runs.aim_tracker import AimTracker, import_aim
from ups_framework.runs.folder import RunFolder

Report = Callable[[str], None]
"""Tells the user one line; trackers may call it from a thread of their own."""


class Tracker(Protocol):
    """Where a run is shown. All methods return at once; names are few, contexts tell series apart."""

    def scalar(self, name: str, value: float, *, step: int, context: Mapping[str, str]) -> None:
        """One point of a series."""

    def image(self, name: str, png: bytes, *, step: int, context: Mapping[str, str]) -> None:
        """One picture: the bytes of a PNG file (an animated WebP or GIF is played)."""

    def text(self, name: str, text: str, *, step: int, context: Mapping[str, str]) -> None:
        """One text."""

    def close(self) -> None:
        """Finish what is waiting; nothing may be tracked afterwards."""


class NullTracker:
    """Shows nothing."""

    def scalar(self, name: str, value: float, *, step: int, context: Mapping[str, str]) -> None:
        """Show nothing."""

    def image(self, name: str, png: bytes, *, step: int, context: Mapping[str, str]) -> None:
        """Show nothing."""

    def text(self, name: str, text: str, *, step: int, context: Mapping[str, str]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


def open_tracker(
    enabled: bool,
    runs: Path,
    folder: RunFolder,
    recipe: Mapping[str, object],
    recipe_toml: str,
    report: Report,
    last_step: int | None = None,
) -> Tracker:
    """A tracker for the run in `folder` (locked by the caller), in the Aim repository of `runs`.

    A run that was tracked before goes on in the same Aim run. `last_step` is the last step that a resumed run kept:
    points up to it are already there and are not tracked again; later points replace what the killed process tracked.
    Where Aim is not installed or does not load (it has no build for Python 3.13 and later), says so once.
    """
    if not enabled:
        return NullTracker()
    try:
        aim = import_aim()
    except Exception as error:  # a foreign package under any version of its own dependencies: anything may be raised
        report(f"no tracking: Aim does not load ({type(error).__name__}: {error}); {folder.path} has all there is")
        return NullTracker()
    return AimTracker(
        aim, runs=runs, folder=folder, recipe=recipe, recipe_toml=recipe_toml, report=report, last_step=last_step
    )
