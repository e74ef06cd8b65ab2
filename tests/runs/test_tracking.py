"""A run shown in Aim while it works: by another process, and never in the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.runs.aim_store import names, needs_aim, points, stored
from ups_framework.engine.distributions import Distribution
from ups_framework.errors import RunError
from ups_framework.recipe.recipe import Tracking
from ups_framework.runs import locks, tracking
from ups_framework.runs.aim_link import read_link
from ups_framework.runs.aim_run import continued, import_aim
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.locks import exclusive_folder, in_turn
from ups_framework.runs.page import figure
from ups_framework.runs.plot_style import panels, png
from ups_framework.runs.recorder import Recorder
from ups_framework.runs.records import read_jsonl
from ups_framework.runs.showing import shown
from ups_framework.runs.syncing import sync
from ups_framework.runs.tracking import tracked

RECIPE = '[data]\nuse = "burgers:burgers"\n\n[stages.operator]\nsteps = 30\n'
AUDIT = {"term": "mass", "raw": 0.1, "weighted": 0.01, "share": 0.05, "gradient": {"encoder": 1e-3, "decoder": 4e-3}}
PATIENCE = 240.0
"""Seconds to wait for another process on a busy machine."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "CLOSING_SECONDS", PATIENCE)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for runs with one Aim repository: making one takes a second."""
    return tmp_path_factory.mktemp("runs")


def begin(runs: Path, name: str) -> RunFolder:
    folder = RunFolder.create(runs, name)
    folder.recipe.write_text(RECIPE)
    return folder


def train(folder: RunFolder, steps: range, loss: float = 1.0) -> None:
    for step in steps:
        terms = {"mass": {"raw": loss / step, "weighted": 0.1 * loss / step}}
        Recorder(folder).metrics("operator", step, "train", {"loss": loss}, terms)


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@needs_aim
def test_aim_shows_what_the_folder_holds(runs: Path) -> None:
    folder, said = begin(runs, "shown"), list[str]()
    spread = Distribution(low=-1.0, high=1.0, counts=(1, 2, 3))
    with tracked(Tracking(), folder, said.append):
        train(folder, range(1, 4))
        Recorder(folder).audit("operator", 3, [AUDIT])
        Recorder(folder).gradients("operator", 3, {"encoder": spread})
        Recorder(folder).latents("operator", 3, spread, (2.0, 1.0))
    run = stored(runs)["shown"]
    context = {"stage": "operator", "subset": "train"}
    assert points(run, "loss", context) == {1: 1.0, 2: 1.0, 3: 1.0}
    assert points(run, "loss", {**context, "term": "mass", "value": "weighted"})[2] == 0.05
    assert points(run, "share", {**context, "term": "mass", "value": "share"}) == {3: 0.05}
    assert names(run, "distributions") == {"gradient", "latent"}
    assert names(run, "texts") == {"audit"}
    assert run["recipe", "stages", "operator", "steps"] == 30
    assert run["recipe_toml"] == RECIPE
    assert run["folder"] == str(folder.path)
    assert run.end_time is not None
    assert said == []


@needs_aim
def test_pictures_may_wait_and_numbers_do_not(runs: Path) -> None:
    """As they do where training keeps all processors busy."""
    folder = begin(runs, "waiting")
    train(folder, range(1, 4))
    folder.report.write_text(figure("fields_u", png(panels(1, 1, (1, 1))[0]), "a field"))
    with shown(import_aim(), str(runs), folder, pytest.fail) as mirror:
        assert mirror.update(lambda: False) == []
        run = stored(runs)["waiting"]
        assert len(points(run, "loss", {"stage": "operator", "subset": "train"})) == 3
        assert names(run, "images") == set()
        assert mirror.update() == []
    assert names(stored(runs)["waiting"], "images") == {"fields_u"}


KILLED = """
import os, signal, sys
from pathlib import Path
from ups_framework.recipe.recipe import Tracking
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.tracking import tracked
folder = RunFolder(Path(sys.argv[1]))
with folder.locked(), tracked(Tracking(), folder, print):
    print("tracking", flush=True)
    sys.stdin.read()
"""


@needs_aim
def test_a_killed_run_is_shown_as_ended_and_goes_on_without_doubling_a_step(runs: Path) -> None:
    folder, said = begin(runs, "killed"), list[str]()
    train(folder, range(1, 8))
    command = [sys.executable, "-c", KILLED, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        wait_for(lambda: bool((link := read_link(folder)) and link.seen))
        process.kill()
    wait_for(lambda: bool((link := read_link(folder)) and link.ended))
    assert stored(runs)["killed"].end_time is not None
    link = read_link(folder)
    Recorder(folder).rewind(5)  # its checkpoint
    with folder.locked(), tracked(Tracking(), folder, said.append):
        train(folder, range(6, 11), loss=2.0)
    run = stored(runs)["killed"]
    expected = {step: 1.0 if step <= 5 else 2.0 for step in range(1, 11)}
    assert points(run, "loss", {"stage": "operator", "subset": "train"}) == expected
    assert link is not None
    assert run.hash == link.run_hash
    assert said == []


@needs_aim
def test_two_runs_track_into_one_repository_at_once(tmp_path: Path) -> None:
    """Also while they make it."""
    said = list[str]()
    one, other = begin(tmp_path, "one"), begin(tmp_path, "other")
    with tracked(Tracking(), one, said.append), tracked(Tracking(), other, said.append):
        train(one, range(1, 30))
        train(other, range(1, 30), loss=2.0)
    found = {
        name: points(run, "loss", {"stage": "operator", "subset": "train"}) for name, run in stored(tmp_path).items()
    }
    assert found == {"one": dict.fromkeys(range(1, 30), 1.0), "other": dict.fromkeys(range(1, 30), 2.0)}
    assert said == []


def test_where_aim_does_not_load_a_run_says_so_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aim.py").write_text("raise ImportError('no aim here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder, said = begin(tmp_path / "runs", "first"), list[str]()
    with tracked(Tracking(), folder, said.append):
        train(folder, range(1, 4))
    assert ["no tracking: Aim does not load (ImportError: no aim here)" in line for line in said] == [True]
    assert len(read_jsonl(folder.metrics)) == 3


@needs_aim
def test_a_repository_that_cannot_be_written_is_reported_once_and_stops_nothing(tmp_path: Path) -> None:
    folder, said = begin(tmp_path, "first"), list[str]()
    (tmp_path / ".aim").write_text("in the way")
    with tracked(Tracking(), folder, said.append):
        train(folder, range(1, 4))
    assert ["the run goes on" in line for line in said] == [True]


@needs_aim
def test_a_run_that_another_process_keeps_locked_in_aim_goes_on_and_sync_shows_the_rest(tmp_path: Path) -> None:
    folder, said = begin(tmp_path, "first"), list[str]()
    train(folder, range(1, 4))
    sync(tmp_path, pytest.fail)
    link = read_link(folder)
    assert link is not None
    other = continued(import_aim(), str(tmp_path), link.run_hash)
    with folder.locked(), tracked(Tracking(), folder, said.append):
        train(folder, range(4, 7))
    assert [("LOCK" in line, "the run goes on" in line) for line in said] == [(True, True)]
    assert len(read_jsonl(folder.metrics)) == 6
    other.close()
    assert [run.outcome for run in sync(tmp_path, pytest.fail)] == ["shown"]
    run = stored(tmp_path)["first"]
    assert points(run, "loss", {"stage": "operator", "subset": "train"}) == dict.fromkeys(range(1, 7), 1.0)
    assert run.hash == link.run_hash
    assert os.listdir(tmp_path / ".aim" / "locks") == []


def test_a_folder_that_a_hanging_process_keeps_locked_is_an_error_and_no_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.3)
    for lock in (partial(exclusive_folder, tmp_path), partial(in_turn, tmp_path / ".aim.lock")):
        with lock(), pytest.raises(RunError, match="another process keeps it locked"), lock():
            pass
        with lock():
            pass


FULL = """
import resource, signal, sys
from pathlib import Path
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.follow import Teller, follow
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
follow(RunFolder(Path(sys.argv[1])), sys.argv[2], Teller())
"""


@needs_aim
def test_on_a_full_disk_what_shows_the_run_says_so_once_and_the_folder_stays_whole(tmp_path: Path) -> None:
    """Files that may not grow beyond 20 kB stand for a full disk."""
    folder = begin(tmp_path, "first")
    train(folder, range(1, 20))
    command = [sys.executable, "-c", FULL, str(folder.path), str(tmp_path)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.stdout.count("\n") == 1
    assert "the run goes on" in done.stdout
    assert len(read_jsonl(folder.metrics)) == 19
    with folder.locked():
        pass


def test_what_hangs_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "CLOSING_SECONDS", 0.2)
    folder, said, pids = begin(tmp_path, "first"), list[str](), list[int]()
    started = tracking._started

    def stopped(*arguments: object) -> "subprocess.Popen[str]":
        process = started(*arguments)  # type: ignore[arg-type]  # passed on
        os.kill(process.pid, signal.SIGSTOP)
        pids.append(process.pid)
        return process

    monkeypatch.setattr(tracking, "_started", stopped)
    begun = time.monotonic()
    with tracked(Tracking(), folder, said.append):
        train(folder, range(1, 1000))
    seconds = time.monotonic() - begun
    os.kill(pids[0], signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pids[0]}").exists())
    assert seconds < 20.0
    assert ["goes on alone" in line for line in said] == [True]


def test_writing_down_a_record_takes_microseconds(tmp_path: Path) -> None:
    """In CPU time of the thread that trains; there is one record every `log_every` steps."""
    folder = begin(tmp_path, "first")
    values = dict.fromkeys(map(str, range(12)), 1.0)
    terms = {name: {"raw": 1.0, "weighted": 0.1} for name in "abcdef"}
    costs = []
    for step in range(200):
        begun = time.thread_time()
        Recorder(folder).metrics("operator", step, "train", values, terms)
        costs.append(time.thread_time() - begun)
    print(f"{1e6 * float(np.median(costs)):.0f} us a record")
    assert float(np.median(costs)) < 2e-3


def test_switched_off_tracking_leaves_no_repository_and_says_nothing(tmp_path: Path) -> None:
    folder = begin(tmp_path, "first")
    with tracked(Tracking(aim=False), folder, pytest.fail):
        pass
    assert os.listdir(tmp_path) == ["first"]
