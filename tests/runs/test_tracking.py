"""A run in a real Aim repository: the same as in the folder, continued on resume, and never in the way."""

import importlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ups_framework.runs import aim_tracker
from ups_framework.runs.aim_tracker import import_aim
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.locks import in_turn
from ups_framework.runs.plot_style import panels, png
from ups_framework.runs.recorder import Recorder
from ups_framework.runs.records import read_json, write_json
from ups_framework.runs.tracking import NullTracker, Tracker, open_tracker

needs_aim = pytest.mark.skipif(sys.version_info >= (3, 13), reason="Aim has no build for Python 3.13 and later")

RECIPE = {"data": {"use": "burgers:burgers", "viscosity": 0.001}, "stages": {"operator": {"trains": ["encoder"]}}}
AUDIT = {"term": "mass", "raw": 0.1, "weighted": 0.01, "share": 0.05, "gradient": {"encoder": 1e-3, "decoder": 4e-3}}


def track(folder: RunFolder, said: list[str], last_step: int | None = None) -> Tracker:
    return open_tracker(True, folder.path.parent, folder, RECIPE, "[data]\n", said.append, last_step)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for runs with one Aim repository: making one takes a second."""
    return tmp_path_factory.mktemp("runs")


def stored(folder: RunFolder) -> Any:  # Aim is untyped
    """The Aim run of a folder, read back also if Aim has not indexed it, without touching the index."""
    aim = import_aim()
    configuration = importlib.import_module("aim.sdk.repo").ContainerConfig("meta", None, True)
    repository = aim.Repo(str(folder.path.parent))
    union = importlib.import_module("aim.storage.union").RocksUnionContainer
    repository.union = union(os.path.join(repository.path, "meta"), read_only=True)  # the pool holds it weakly
    repository.container_pool[configuration] = repository.union
    [run] = [run for run in repository.iter_runs() if run.name == folder.name]
    return run


def points(run: Any, name: str, context: Mapping[str, str]) -> dict[int, float]:
    key = importlib.import_module("aim.storage.context").Context(dict(context))
    metric = run.get_metric(name, key)
    if metric is None:
        return {}
    steps, (values, _, _) = metric.data.numpy()
    return dict(zip(steps.tolist(), values.tolist(), strict=True))


@needs_aim
def test_aim_shows_what_the_folder_holds(runs: Path) -> None:
    folder, said = RunFolder.create(runs, "shown"), list[str]()
    write_json(folder.environment, {"torch": "2.13"})
    tracker = track(folder, said)
    recorder = Recorder(folder, tracker)
    for step in (10, 20, 30):
        terms = {"mass": {"raw": 1 / step, "weighted": 0.1 / step}}
        recorder.metrics("operator", step, "train", {"loss": 2 / step}, terms)
    recorder.metrics("operator", 30, "validation", {"nrmse": 0.5}, {})
    recorder.audit("operator", 10, [AUDIT])
    recorder.picture("fields_u", png(panels(1, 1, (1, 1))[0]), 30, {"subset": "test"})
    recorder.evaluation(30, {"model": {"rollout": {"nrmse": 0.25, "by_step": [0.125, 0.375, None]}}})
    tracker.text("note", "a text", step=30, context={})
    tracker.close()
    run = stored(folder)
    train = {"stage": "operator", "subset": "train"}
    assert points(run, "loss", train) == {10: 2 / 10, 20: 2 / 20, 30: 2 / 30}
    assert points(run, "loss", {**train, "term": "mass", "value": "raw"}) == {10: 1 / 10, 20: 1 / 20, 30: 1 / 30}
    assert points(run, "loss", {**train, "term": "mass", "value": "weighted"})[20] == 0.1 / 20
    assert points(run, "nrmse", {"stage": "operator", "subset": "validation"}) == {30: 0.5}
    assert points(run, "share", {**train, "term": "mass", "value": "share"}) == {10: 0.05}
    assert points(run, "gradient_norm", {**train, "term": "mass", "part": "decoder"}) == {10: 4e-3}
    assert points(run, "nrmse_by_step", {"subset": "test", "row": "model", "horizon": "rollout"}) == {
        1: 0.125,
        2: 0.375,
    }
    assert run["recipe"] == RECIPE
    assert run["recipe_toml"] == "[data]\n"
    assert run["environment", "torch"] == "2.13"
    for kind, name in (("images", "fields_u"), ("texts", "note")):
        assert [item["name"] for item in run.collect_sequence_info(kind)[kind]] == [name]
    assert said == []


@needs_aim
def test_a_resumed_run_goes_on_in_the_same_aim_run_and_no_step_comes_twice(runs: Path) -> None:
    folder, said = RunFolder.create(runs, "resumed"), list[str]()
    context = {"subset": "train"}
    first = track(folder, said)
    for step in range(1, 8):
        first.scalar("loss", 1.0, step=step, context=context)
    first.close()
    resumed = track(folder, said, last_step=5)
    for step in range(4, 11):
        resumed.scalar("loss", 2.0, step=step, context=context)
    resumed.scalar("new", 3.0, step=5, context=context)
    resumed.close()
    run = stored(folder)
    assert run.hash == read_json(folder.aim)["run_hash"]
    expected = {step: 1.0 if step <= 5 else 2.0 for step in range(1, 11)}
    assert points(run, "loss", context) == expected
    assert points(run, "new", context) == {5: 3.0}
    assert said == []


@needs_aim
def test_a_run_that_aim_has_lost_begins_anew_and_says_so(runs: Path) -> None:
    folder, said = RunFolder.create(runs, "lost"), list[str]()
    write_json(folder.aim, {"run_hash": "0123456789abcdef01234567"})
    tracker = track(folder, said, last_step=5)
    tracker.scalar("loss", 1.0, step=6, context={})
    tracker.close()
    run = stored(folder)
    assert points(run, "loss", {}) == {6: 1.0}
    assert len(said) == 1
    assert "0123456789abcdef01234567" in said[0]


@needs_aim
def test_what_aim_cannot_take_is_reported_once_and_the_rest_arrives(runs: Path) -> None:
    folder, said = RunFolder.create(runs, "broken"), list[str]()
    tracker = track(folder, said)
    for step in (1, 2):
        tracker.image("broken", b"no picture", step=step, context={})
    tracker.scalar("loss", 1.0, step=3, context={})
    tracker.close()
    assert points(stored(folder), "loss", {}) == {3: 1.0}
    assert ["the run goes on" in line for line in said] == [True]


@needs_aim
def test_a_repository_that_cannot_be_written_is_reported_once_and_stops_nothing(tmp_path: Path) -> None:
    folder, said = RunFolder.create(tmp_path, "first"), list[str]()
    (tmp_path / ".aim").write_text("in the way")
    tracker = track(folder, said)
    for step in range(100):
        tracker.scalar("loss", 1.0, step=step, context={})
    tracker.close()
    assert ["cannot track" in line for line in said] == [True]


@needs_aim
def test_tracking_takes_microseconds_and_closing_is_quick(runs: Path) -> None:
    folder, said = RunFolder.create(runs, "quick"), list[str]()
    tracker = track(folder, said)
    context = {"stage": "operator"}
    start = time.perf_counter()
    for step in range(2000):
        tracker.scalar("loss", 1.0, step=step, context=context)
    called = time.perf_counter()
    tracker.close()
    closed = time.perf_counter()
    print(f"{(called - start) / 2000 * 1e6:.1f} us a call, all of 2,000 stored {closed - called:.2f} s later")
    assert called - start < 1.0
    assert closed - called < 20.0
    assert len(points(stored(folder), "loss", context)) == 2000


@needs_aim
def test_points_that_aim_is_too_slow_for_are_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, said = RunFolder.create(tmp_path, "first"), list[str]()
    monkeypatch.setattr(aim_tracker, "QUEUE_LENGTH", 10)
    with in_turn(tmp_path / ".aim.lock"):  # Aim cannot begin
        tracker = track(folder, said)
        for step in range(1010):
            tracker.scalar("loss", 1.0, step=step, context={})
    tracker.close()
    assert len(said) == 1
    assert "1,000 points" in said[0]
    assert len(points(stored(folder), "loss", {})) == 10


def test_without_aim_a_run_says_so_once_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, said = RunFolder.create(tmp_path, "first"), list[str]()
    monkeypatch.setitem(sys.modules, "aim", None)
    tracker = track(folder, said)
    Recorder(folder, tracker).metrics("operator", 1, "train", {"loss": 1.0}, {})
    tracker.close()
    assert isinstance(tracker, NullTracker)
    assert len(said) == 1
    assert "no tracking" in said[0]


def test_switched_off_tracking_leaves_no_repository_and_says_nothing(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "first")
    open_tracker(False, tmp_path, folder, RECIPE, "", pytest.fail).close()
    assert os.listdir(tmp_path) == ["first"]
