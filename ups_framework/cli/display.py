"""Training on the terminal: one progress bar a stage, or plain lines where the output is no terminal."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ups_framework.engine.audit import AuditRow
from ups_framework.engine.distributions import Distribution
from ups_framework.engine.listener import Progress as Position
from ups_framework.engine.listener import TrainingRecord, Validation

_SECONDS_BETWEEN_LINES = 10.0


class _PatientConsole(Console):
    """Goes on where nobody reads any more, as after `| head`: a run that trains is worth more than its output."""

    def on_broken_pipe(self) -> None:
        """Send all further output nowhere, errors too if they go where nobody reads."""
        streams = [sys.stdout, *([sys.stderr] if os.path.sameopenfile(1, 2) else [])]
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in streams:
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Display:
    """A listener that shows loss, validation nRMSE, steps per second and time left."""

    def __init__(self) -> None:
        self._console = _PatientConsole()
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._validation = ""
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._console.print(
            f"[{time.monotonic() - self._started:6.1f} s] {line}", markup=False, highlight=False, soft_wrap=True
        )

    def stage_started(self, progress: Position) -> None:
        """A new bar."""
        self._validation = ""
        self._bar = self._bars.add_task(progress.stage, total=progress.steps, completed=progress.step, figures="")
        self.say(f"stage {progress.stage}: {progress.steps} steps, from step {progress.step}")

    def trained(self, progress: Position, record: TrainingRecord) -> None:
        """Move the bar."""
        left = (progress.steps - progress.step) / record.steps_per_second
        figures = f"loss {record.loss:.4f}{self._validation}  {record.steps_per_second:.1f} steps/s"
        assert self._bar is not None
        self._bars.update(self._bar, completed=progress.step, figures=figures)
        if not self._console.is_terminal and time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self.say(f"{progress.stage} {progress.step}/{progress.steps}  {figures}  {left:.0f} s left")

    def validated(self, progress: Position, validation: Validation) -> None:
        """Show the figure from now on."""
        self._validation = f"  validation {validation.figure} nRMSE {validation.value:.4f}"

    def gradients_seen(self, progress: Position, parts: Mapping[str, Distribution]) -> None:
        """Nothing to show."""

    def audited(self, progress: Position, rows: Sequence[AuditRow]) -> None:
        """Warn of terms that do next to nothing."""
        for row in rows:
            if row.low:
                self.say(
                    f"{progress.stage} {progress.step}: losses.{row.term} has {row.share:.2%} of the gradient; "
                    "below 1 % it does next to nothing: raise its weight or share, or drop it"
                )

    def stage_ended(self, progress: Position, figure: str, best: float) -> None:
        """Say what the stage reached."""
        self.say(f"stage {progress.stage} ended after step {progress.step}: best validation {figure} nRMSE {best:.4f}")
