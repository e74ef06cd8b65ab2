"""A run in Aim, written by one thread so that training waits for nothing."""

import atexit
import importlib
import io
import queue
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import PIL.Image

from ups_framework.runs.aim_run import open_run
from ups_framework.runs.folder import RunFolder

QUEUE_LENGTH = 100_000
"""Points that may wait for Aim; further ones are dropped, and counted."""

CLOSING_SECONDS = 30.0
"""How long `close` waits for Aim."""

Aim = Any  # Aim is untyped
_Task = Callable[[Aim], None]


def import_aim() -> Aim:
    """The package, loaded on first use (0.7 s). Raises whatever a broken installation raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Aim uses an old name of SQLAlchemy
        aim = importlib.import_module("aim")
        cleaner = importlib.import_module("aim.ext.cleanup").AutoClean
    # Aim's exit hook starts a thread, which Python 3.12 refuses at exit: run its body in place.
    cleaner._registered_with_atexit = True
    for hook in (cleaner.cleanup, cleaner._cleanup):
        atexit.unregister(hook)
    atexit.register(cleaner._cleanup)
    return aim


class AimTracker:
    """Shows a run in Aim. Everything of Aim's happens in one daemon thread, fed by a bounded queue."""

    def __init__(
        self,
        aim: Aim,
        *,
        runs: Path,
        folder: RunFolder,
        recipe: Mapping[str, object],
        recipe_toml: str,
        report: Callable[[str], None],
        last_step: int | None,
    ) -> None:
        self._aim = aim
        self._folder = folder
        self._report = report
        self._last_step = -1 if last_step is None else last_step
        self._queue: queue.Queue[_Task | None] = queue.Queue(maxsize=QUEUE_LENGTH)
        self._reported = False
        self._num_dropped = 0
        self._seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
        parameters = {"recipe": recipe, "recipe_toml": recipe_toml}
        self._thread = threading.Thread(target=self._work, args=(runs, parameters), name="ups-aim", daemon=True)
        self._thread.start()

    def scalar(self, name: str, value: float, *, step: int, context: Mapping[str, str]) -> None:
        """One point of a series."""
        number, labels = float(value), dict(context)
        self._put(lambda run: self._track_scalar(run, name, number, step, labels))

    def image(self, name: str, png: bytes, *, step: int, context: Mapping[str, str]) -> None:
        """One picture."""
        labels = dict(context)
        self._put(lambda run: run.track(self._picture(png, name), name=name, step=step, context=labels))

    def text(self, name: str, text: str, *, step: int, context: Mapping[str, str]) -> None:
        """One text."""
        labels = dict(context)
        self._put(lambda run: run.track(self._aim.Text(text), name=name, step=step, context=labels))

    def close(self) -> None:
        """Wait until Aim has everything, but not for ever; report what was dropped."""
        try:
            self._queue.put(None, timeout=CLOSING_SECONDS)
            self._thread.join(CLOSING_SECONDS)
        except queue.Full:
            pass  # the thread hangs inside Aim, which the next lines report
        if self._thread.is_alive():
            self._complain(f"did not finish within {CLOSING_SECONDS:g} s")
        if self._num_dropped:
            self._report(f"Aim was too slow for {self._num_dropped:,} points; {self._folder.metrics} has them all")

    def _put(self, task: _Task) -> None:
        try:
            self._queue.put_nowait(task)
        except queue.Full:
            self._num_dropped += 1

    def _work(self, runs: Path, parameters: Mapping[str, object]) -> None:
        run: Aim = None
        try:
            run = open_run(self._aim, runs=runs, folder=self._folder, parameters=parameters, report=self._report)
            self._seen = {(item["name"], _key(item["context"])) for item in _series(run)}
        except Exception as error:  # whatever Aim raises, training goes on
            self._complain(f"cannot track ({type(error).__name__}: {error})")
        while (task := self._queue.get()) is not None:
            if run is not None:
                self._attempt(lambda task=task: task(run))  # type: ignore[misc]  # binds this turn's task
        if run is not None:
            self._attempt(run.close)

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # whatever Aim raises, training goes on
            self._complain(f"failed to track something ({type(error).__name__}: {error})")

    def _complain(self, problem: str) -> None:
        if not self._reported:
            self._reported = True
            self._report(f"Aim {problem}; the run goes on, and {self._folder.path} has all there is")

    def _track_scalar(self, run: Aim, name: str, value: float, step: int, context: dict[str, str]) -> None:
        if step <= self._last_step and (name, _key(context)) in self._seen:
            return
        run.track(value, name=name, step=step, context=context)

    def _picture(self, png: bytes, caption: str) -> Aim:
        return self._aim.Image(PIL.Image.open(io.BytesIO(png)), caption=caption)


def _series(run: Aim) -> list[dict[str, Any]]:  # Aim is untyped
    series: list[dict[str, Any]] = run.collect_sequence_info("metric")["metric"]
    return series


def _key(context: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(context.items())
