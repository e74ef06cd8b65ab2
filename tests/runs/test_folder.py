"""A run's folder: its name, its lock and its checkpoints."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder

HOLD = """
import sys, time
from pathlib import Path
from ups_framework.runs.folder import RunFolder
with RunFolder.open(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", "first")


@pytest.mark.parametrize("kept", ["checkpoint", "simulator", "file of somebody's"])
def test_a_folder_with_something_to_lose_is_refused_with_both_ways_out(folder: RunFolder, kept: str) -> None:
    if kept == "checkpoint":
        folder.save_checkpoint("operator-000010", b"state")
    else:
        path = folder.simulator if kept == "simulator" else folder.path / "notes.txt"
        path.write_text("precious", encoding="utf-8")
    with pytest.raises(RunError, match=r"exists already.*--name.*--resume"):
        RunFolder.create(folder.path.parent, "first")


def test_a_folder_that_a_process_works_on_is_refused_with_the_way_out(folder: RunFolder) -> None:
    folder.recipe.write_text("seed = 1", encoding="utf-8")
    with folder.locked(), pytest.raises(RunError, match=r"another process is working on it; .* another --name"):
        RunFolder.create(folder.path.parent, "first")


def test_a_file_in_place_of_the_checkpoints_is_an_error_that_names_it(folder: RunFolder) -> None:
    folder.checkpoints.rmdir()
    folder.checkpoints.touch()
    with pytest.raises(RunError, match="checkpoints: is no folder"), folder.locked():
        raise AssertionError("not reached")


def test_a_folder_in_which_nothing_was_trained_is_taken(folder: RunFolder) -> None:
    folder.recipe.write_text("seed = 1", encoding="utf-8")
    assert RunFolder.create(folder.path.parent, "first") == folder


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "two words"])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="--name"):
        RunFolder.create(tmp_path, name)
    assert os.listdir(tmp_path) == []


def test_a_run_that_is_not_there_is_an_error_that_lists_near_names(folder: RunFolder) -> None:
    RunFolder.create(folder.path.parent, "burgers_phase4")
    assert RunFolder.open(folder.path).name == "first"
    with pytest.raises(RunError, match=r"burgers_phase5: no such run \(there is: burgers_phase4\)"):
        RunFolder.open(folder.path.parent / "burgers_phase5")
    with pytest.raises(RunError, match="there is no folder"):
        RunFolder.open(folder.path.parent / "nowhere" / "first")


def test_a_second_process_is_refused_with_the_pid_of_the_first_until_that_is_killed(folder: RunFolder) -> None:
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(RunError, match=rf"another process \(pid {holder.pid}\) is working on it"), folder.locked():
            pass
        holder.send_signal(signal.SIGKILL)
    with folder.locked():
        pass


def test_locking_sweeps_what_a_killed_process_left(folder: RunFolder) -> None:
    left = folder.checkpoints / ".000001.step.0123456789abcdef.pt.1.partial"
    left.write_bytes(b"half")
    with folder.locked():
        assert not left.exists()


def test_the_newest_two_checkpoints_stay_and_the_last_saved_is_the_latest(folder: RunFolder) -> None:
    for step in (5, 400, 30, 2000):
        folder.save_checkpoint(f"operator-{step}", b"state %d" % step)
    assert len(os.listdir(folder.checkpoints)) == 2
    latest = folder.latest_checkpoint(pytest.fail)
    assert latest is not None
    assert (latest.step_name, latest.payload) == ("operator-2000", b"state 2000")


def test_a_checkpoint_is_a_file_that_torch_loads(folder: RunFolder) -> None:
    payload = io.BytesIO()
    torch.save({"weight": torch.arange(3)}, payload)
    path = folder.save_checkpoint("autoencode-10", payload.getvalue())
    assert torch.equal(torch.load(path, weights_only=True)["weight"], torch.arange(3))


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"y" + content[1:], lambda _: b""])
def test_a_damaged_checkpoint_is_skipped_and_said_so(folder: RunFolder, damage: object) -> None:
    assert callable(damage)
    folder.save_checkpoint("operator-1", b"old state")
    newest = folder.save_checkpoint("operator-2", b"new state")
    newest.write_bytes(damage(newest.read_bytes()))
    said: list[str] = []
    latest = folder.latest_checkpoint(said.append)
    assert latest is not None
    assert latest.step_name == "operator-1"
    assert len(said) == 1
    assert str(newest) in said[0]


def test_no_checkpoint_is_none_and_only_damaged_ones_are_an_error(folder: RunFolder) -> None:
    assert folder.latest_checkpoint(pytest.fail) is None
    folder.save_checkpoint("operator-1", b"state").write_bytes(b"")
    with pytest.raises(RunError, match="every checkpoint is damaged"):
        folder.latest_checkpoint(lambda _: None)


def test_a_checkpoint_that_cannot_be_read_counts_as_damaged(folder: RunFolder) -> None:
    folder.save_checkpoint("operator-000010", b"good")
    newest = folder.save_checkpoint("operator-000020", b"newer")
    newest.unlink()
    newest.mkdir()
    said: list[str] = []
    checkpoint = folder.latest_checkpoint(said.append)
    assert checkpoint is not None
    assert (checkpoint.payload, len(said)) == (b"good", 1)


def test_a_run_whose_folder_of_checkpoints_is_gone_gets_another(folder: RunFolder) -> None:
    folder.checkpoints.rmdir()
    with folder.locked():
        assert folder.save_checkpoint("operator-000010", b"state").exists()
