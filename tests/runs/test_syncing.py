"""Aim's store made anew from run folders: the same as it was, once or twice, here or elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.runs.aim_store import names, needs_aim, series, stored
from ups_framework.cli import group
from ups_framework.runs.aim_link import read_link
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.plot_style import panels, png
from ups_framework.runs.recorder import Recorder
from ups_framework.runs.records import write_json
from ups_framework.runs.status import read_status
from ups_framework.runs.syncing import sync
from ups_framework.runs.tags import write_tags

pytestmark = needs_aim

COMMAND = [sys.executable, "-c", "from ups_framework.cli import main; main()", "runs", "sync"]
STATUS = {"started": "2026-01-02T03:04:05+00:00", "ended": "2026-01-02T04:04:05+00:00", "outcome": "success"}


def fill(folder: RunFolder, steps: range) -> None:
    for step in steps:
        Recorder(folder).metrics("operator", step, "train", {"loss": 1 / step}, {"mass": {"raw": 1.0, "weighted": 0.1}})


@pytest.fixture(scope="module")
def shown_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs in an Aim repository, one with results."""
    from ups_framework.runs.page import figure

    runs = tmp_path_factory.mktemp("shown") / "runs"
    for name in ("first", "second"):
        folder = RunFolder.create(runs, name)
        folder.recipe.write_text(_RECIPE)
        write_json(folder.status, {**STATUS, "problem": None})
        fill(folder, range(1, 6))
    first = RunFolder(runs / "first")
    write_tags(first, ["paper"])
    rows = {"model": {"one_step": {"nrmse": 0.1}, "rollout": {"nrmse": 0.25, "by_step": [0.2, 0.3]}}}
    write_json(first.evaluation, {"rows": rows, "protocol": {}, "cost": {"parameters": 10}})
    first.report.write_text(figure("fields_u", png(panels(1, 1, (1, 1))[0]), "a field"))
    assert [run.outcome for run in sync(runs, print)] == ["shown", "shown"]
    return runs


@pytest.fixture
def runs(shown_runs: Path, tmp_path: Path) -> Path:
    """A copy with its store, as on another machine."""
    shutil.copytree(shown_runs, tmp_path / "runs")
    return tmp_path / "runs"


def test_a_copied_store_says_where_the_folders_are_now(runs: Path, shown_runs: Path) -> None:
    before = {name: (run.hash, series(run)) for name, run in stored(shown_runs).items()}
    assert [run.outcome for run in sync(runs, pytest.fail)] == ["shown", "shown"]
    assert {name: (run.hash, series(run)) for name, run in stored(runs).items()} == before
    assert stored(runs)["first"]["folder"] == str(runs / "first")
    assert stored(shown_runs)["first"]["folder"] == str(shown_runs / "first")


_RECIPE = """seed = 0

[data]
use = "burgers:burgers"

[encoder]
use = "builtin:grid"

[operator]
use = "builtin:transformer_stack"

[decoder]
use = "builtin:any_point"

[stages.operator]
steps = 30
"""


def test_aim_shows_a_run_with_its_name_tags_times_results_and_pictures(shown_runs: Path) -> None:
    run = stored(shown_runs)["first"]
    assert run.tags == ["paper"]
    assert run["results", "nrmse", "model", "rollout"] == 0.25
    assert run["results", "verdict"] == "no gates"
    assert run["status", "outcome"] == "success"
    assert names(run, "images") == {"fields_u"}
    assert names(run, "texts") == {"results"}
    assert run.created_at.isoformat() == "2026-01-02T03:04:05"
    assert run.end_time - run.creation_time == 3600.0


def test_doing_it_twice_is_doing_it_once(runs: Path) -> None:
    def files() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in (runs / ".aim/seqs").rglob("*") if path.is_file()}

    sync(runs, pytest.fail)
    before = files()
    assert [run.outcome for run in sync(runs, pytest.fail)] == ["current", "current"]
    assert files() == before


def test_a_deleted_store_is_made_anew_with_everything_that_it_had(runs: Path, shown_runs: Path) -> None:
    before = {name: series(run) for name, run in stored(shown_runs).items()}
    shutil.rmtree(runs / ".aim")
    done = subprocess.run([*COMMAND, str(runs)], capture_output=True, text=True, check=True)  # Aim remembers stores
    assert done.stdout.count("shown anew") == 2
    assert "2 brought up to date" in done.stdout
    after = stored(runs)
    assert {name: series(run) for name, run in after.items()} == before
    assert names(after["first"], "images") == {"fields_u"}
    done = subprocess.run([*COMMAND, str(runs)], capture_output=True, text=True, check=True)
    assert "0 brought up to date, 2 were so already" in done.stdout


def test_what_a_run_did_without_aim_is_added_to_its_aim_run(runs: Path) -> None:
    folder = RunFolder(runs / "second")
    sync(runs, pytest.fail)
    link = read_link(folder)
    assert link is not None
    Recorder(folder).rewind(3)
    fill(folder, range(4, 10))
    assert {run.name: run.outcome for run in sync(runs, pytest.fail)} == {"first": "current", "second": "shown"}
    run = stored(runs)["second"]
    key = "loss", frozenset({("stage", "operator"), ("subset", "train")})
    assert series(run)[key] == {step: 1 / step for step in range(1, 10)}
    assert run.hash == link.run_hash


def test_a_run_that_works_is_left_alone_with_its_lock(runs: Path) -> None:
    folder = RunFolder(runs / "second")
    fill(folder, range(6, 8))
    with folder.locked():
        held = folder.lock.read_text()
        found = {run.name: run for run in sync(runs, pytest.fail)}
        assert folder.lock.read_text() == held == f"{os.getpid()}\n"
    assert found["second"].outcome == "skipped"
    assert "a process works on it" in found["second"].reason


def test_a_copied_run_gets_an_aim_run_of_its_own_and_a_renamed_one_keeps_its(runs: Path) -> None:
    shutil.copytree(runs / "first", runs / "copy")
    (runs / "second").rename(runs / "renamed")
    hashes = {name: run.hash for name, run in stored(runs).items()}
    sync(runs, pytest.fail)
    now = {name: run.hash for name, run in stored(runs).items()}
    assert set(now) == {"first", "copy", "renamed"}
    assert now["first"] == hashes["first"] != now["copy"]
    assert now["renamed"] == hashes["second"]


def test_a_folder_that_was_deleted_under_aim_is_told_of_in_clear_words(runs: Path) -> None:
    shutil.rmtree(runs / "second")
    result = CliRunner().invoke(group, ["runs", "sync", str(runs)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "second: its folder is gone, and Aim has all that is left" in result.output
    assert "aim runs --repo" in result.output
    assert "1 brought up to date, 0 were so already" in result.output


def test_a_damaged_file_fails_its_run_and_no_other(runs: Path) -> None:
    shutil.rmtree(runs / ".aim")
    folder = RunFolder(runs / "first")
    folder.predictions.write_bytes(b"no predictions")
    result = CliRunner().invoke(group, ["runs", "sync", str(runs)], catch_exceptions=False)
    assert result.exit_code == 1
    assert "first: NOT shown: predictions.npz" in result.output
    assert set(stored(runs)) == {"first", "second"}
    assert len(series(stored(runs)["first"])) == len(series(stored(runs)["second"])) + 3
    assert read_status(folder)["outcome"] == "success"
