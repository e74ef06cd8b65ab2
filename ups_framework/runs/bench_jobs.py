"""Runs beside one another, each in a process of its own: that is what makes its peak memory its own."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch
from attrs import define, frozen

from ups_framework.engine.stage_loop import Interrupted
from ups_framework.errors import UpsError
from ups_framework.plugins import load_plugins
from ups_framework.recipe import load_recipe
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.bench_plan import Trial
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.run import Run
from ups_framework.runs.signals import stop_signals

Report = Callable[[str], None]

_PRELOAD = ["ups_framework.runs.run", "ups_framework.runs.report", "torch._refs", "torch._dynamo"]
"""What the server of processes imports once, so that no run has to; checking a recipe and optimizers use the last."""


@frozen(kw_only=True)
class Jobs:
    """How runs are made."""

    runs: Path
    """Folder of their folders."""

    at_once: int
    """Processes at a time."""

    report: Report
    """Told a line now and then."""

    def finish(self, trials: Sequence[Trial]) -> dict[str, str]:
        """Run what is not done yet, going on where runs were interrupted; why runs failed, by digest of the trial.

        Equal recipes run once. Raises KeyboardInterrupt after SIGINT or SIGTERM, with a checkpoint of each run that
        was training: the same call goes on from there.
        """
        unique = list({trial.digest: trial for trial in reversed(trials)}.values())[::-1]
        waiting = [trial for trial in unique if not is_done(trial, self.runs)]
        self.report(f"{len(unique)} runs, {len(unique) - len(waiting)} of them done before")
        running: dict[Connection, _Job] = {}
        failures: dict[str, str] = {}
        with stop_signals():
            try:
                while waiting or running:
                    while waiting and len(running) < self.at_once:
                        job = _start(waiting.pop(0), self.runs, self._threads())
                        running[job.messages] = job
                    self._hear(running, failures)
            except KeyboardInterrupt:
                self._stop(list(running.values()))
                raise
        return failures

    def _threads(self) -> int:
        """What each process gets of this one's threads: the cores, or fewer where OMP_NUM_THREADS says so."""
        return max(1, torch.get_num_threads() // self.at_once)

    def _hear(self, running: dict[Connection, "_Job"], failures: dict[str, str]) -> None:
        """Wait until a run says something or ends."""
        for messages in wait(list(running)):
            assert isinstance(messages, Connection)
            job = running[messages]
            try:
                job.failure = messages.recv() or job.failure
                continue
            except EOFError:
                del running[messages]
            job.process.join()
            if job.process.exitcode:
                job.failure = job.failure or f"its process ended with {job.process.exitcode}"
                failures[job.trial.digest] = job.failure
                self.report(f"{job.folder.name}: failed: {job.failure}")
            else:
                self.report(f"{job.folder.name}: done")

    def _stop(self, jobs: Sequence["_Job"]) -> None:
        """Let every run save a checkpoint."""
        self.report("stopping: every run saves a checkpoint")
        for job in jobs:
            job.process.terminate()
        for job in jobs:
            job.process.join()


@define(eq=False)
class _Job:
    trial: Trial
    folder: Path
    process: ForkServerProcess
    messages: Connection
    failure: str = ""


def is_done(trial: Trial, runs: Path) -> bool:
    """Whether the trial has run to its end: the report is the last thing that a run writes."""
    folder = RunFolder(trial.folder(runs))
    return folder.evaluation.exists() and folder.report.exists()


def _start(trial: Trial, runs: Path, threads: int) -> _Job:
    """Begin a run, or go on with it, in a new process."""
    folder = RunFolder(trial.folder(runs))
    if not folder.recipe.exists():
        folder = RunFolder.create(runs, folder.path.name)
        write_whole(folder.recipe, trial.text.encode())
    context = get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(folder.path, threads, theirs))
    process.start()
    theirs.close()
    return _Job(trial, folder.path, process, ours)


def _work(path: Path, threads: int, messages: Connection) -> None:
    """One run, in its own process, which the terminal's Ctrl-C does not reach: the parent tells it once to stop."""
    os.setsid()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
    try:
        _execute(RunFolder(path))
    except (Interrupted, KeyboardInterrupt):
        raise SystemExit(128 + signal.SIGTERM) from None
    except (UpsError, RuntimeError, MemoryError) as error:  # torch raises RuntimeErrors where memory is short
        with suppress(BrokenPipeError):
            messages.send(str(error) or type(error).__name__)
        raise SystemExit(1) from error


def _execute(folder: RunFolder) -> None:
    registry = load_plugins()
    recipe = load_recipe(folder.recipe, registry=registry, profile="none", gpu=torch.cuda.is_available()).recipe
    Run(recipe=recipe, registry=registry, folder=folder, resume=True, report=_say_nothing).execute()


def _say_nothing(line: str) -> None:
    """A bench tells of whole runs only."""
