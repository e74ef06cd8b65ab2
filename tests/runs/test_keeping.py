"""Runs are tagged, archived, restored and deleted: the named ones, all or none, and never one that is at work."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.runs.conftest import CopyRun
from tests.runs.test_folder import HOLD
from ups_framework.cli import group
from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.keeping import Move, move
from ups_framework.runs.runs_folder import read_runs


def _runs(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["runs", *map(str, arguments)])


def _done(*arguments: str | Path) -> list[str]:
    result = _runs(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _names(runs: Path) -> list[str]:
    return [record.name for record in read_runs(runs)]


@contextmanager
def _at_work(folder: RunFolder) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder.path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.kill()


def test_tags_show_in_the_list_and_can_be_asked_for_and_taken_off(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b")
    _done("tag", a.path, "paper", "best")
    assert _done("tag", a.path, "best", "v1.0") == [f"{a.path}: tagged best paper v1.0"]
    (line,) = [line for line in _done(a.path.parent) if line.startswith("a ")]
    assert "best paper v1.0" in line
    assert [line.split()[0] for line in _done(a.path.parent, "--where", "tags=paper")[1:]] == ["a"]
    _done("tag", a.path, "best", "paper", "v1.0", "--remove")
    assert _runs("tag", b.path, "paper", "--remove").exit_code == 1


def test_a_tag_that_is_no_word_is_refused_and_a_dry_run_writes_nothing(copy_run: CopyRun) -> None:
    a = copy_run("a")
    assert _done("tag", a.path, "best", "--dry-run") == [f"{a.path}: would be tagged best"]
    assert _runs("tag", a.path, "two words").exit_code == 1
    assert not a.tags.exists()


def test_a_tagged_run_that_never_trained_can_be_started_again(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "a")
    folder.recipe.write_text("seed = 1")
    _done("tag", folder.path, "later")
    assert RunFolder.create(tmp_path, "a") == folder


def test_the_archive_keeps_whole_folders_and_gives_them_back(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b")
    runs, before = a.path.parent, _contents(a.path)
    _done("archive", a.path)
    assert _names(runs) == ["b"]
    assert _contents(runs / ".archive/a").keys() == before.keys()
    assert _names(runs / ".archive") == ["a"]
    _done("restore", a.path)
    assert _names(runs) == ["a", "b"]
    assert {**_contents(a.path), "run.lock": b""} == {**before, "run.lock": b""}
    assert b.evaluation.exists()


def test_an_archived_run_can_be_named_by_where_it_is_now(copy_run: CopyRun) -> None:
    a = copy_run("a")
    _done("archive", a.path)
    _done("restore", a.path.parent / ".archive/a")
    assert a.evaluation.exists()


def test_a_bench_that_is_archived_as_a_whole_is_no_foreign_folder(copy_run: CopyRun) -> None:
    a = copy_run("bench/tiny/a")
    _done("archive", a.path)
    assert _names(a.path.parents[2]) == []


@pytest.mark.parametrize("command", ["archive", "delete"])
def test_a_dry_run_names_exactly_what_the_real_one_touches(copy_run: CopyRun, command: str) -> None:
    folders = [copy_run(name) for name in ("a", "b", "c")]
    runs = folders[0].path.parent
    before = {name: _contents(runs / name) for name in ("a", "b", "c")}
    wanted: list[str | Path] = [folders[0].path, f"{folders[1].path}/", folders[1].path]
    said = _done(command, *wanted, "--dry-run")
    assert {name: _contents(runs / name) for name in ("a", "b", "c")} == before
    assert not (runs / ".archive").exists()
    assert [line.replace("would be ", "") for line in said] == _done(command, *wanted)
    assert sorted(path.name for path in runs.iterdir() if path.name != ".archive") == ["c"]
    assert [line.split()[0] for line in said] == [str(folder.path) for folder in folders[:2]]


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
@pytest.mark.parametrize("command", ["archive", "delete"])
def test_a_run_at_work_is_refused_and_then_nothing_is_touched(
    copy_run: CopyRun, command: str, options: tuple[str, ...]
) -> None:
    a, b = copy_run("a"), copy_run("b")
    with _at_work(b):
        result = _runs(command, a.path, b.path, *options)
    assert (result.exit_code, f"{b.path}: a process is working on it" in result.stderr) == (1, True)
    assert _names(a.path.parent) == ["a", "b"]


def test_moving_refuses_a_run_that_began_to_work_since(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b")
    moves = [Move(source=folder.path, target=folder.path.with_name(f"{folder.name}-moved")) for folder in (a, b)]
    with _at_work(b), pytest.raises(RunError, match="is working on it"):
        move(moves)
    assert _names(a.path.parent) == ["a", "b"]


def test_a_move_that_fails_half_way_is_undone(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b")
    full = a.path.parent / "full"
    full.mkdir()
    (full / "file").write_text("")
    moves = [Move(source=a.path, target=a.path.with_name("moved")), Move(source=b.path, target=full)]
    with pytest.raises(RunError, match="b: not moved"):
        move(moves)
    assert _names(a.path.parent) == ["a", "b", "full"]


def test_what_is_no_run_is_never_deleted(copy_run: CopyRun, tmp_path: Path) -> None:
    a = copy_run("a")
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    shutil.copy(a.recipe, recipes / "recipe.toml")
    link = a.path.with_name("link")
    link.symlink_to(a.path)
    for path, said in (
        (a.path.parent, "runs in it: a"),
        (recipes, "nothing else of a run"),
        (link, "is a link"),
        (tmp_path / "none", "no such run"),
        (a.recipe, "is a file"),
    ):
        result = _runs("delete", path)
        assert (result.exit_code, said in result.stderr) == (1, True), result.stderr
    assert a.evaluation.exists()
    assert (recipes / "recipe.toml").exists()


def test_a_name_that_the_archive_has_already_is_refused_both_ways(copy_run: CopyRun) -> None:
    a = copy_run("a")
    _done("archive", a.path)
    copy_run("a")
    for command in ("archive", "restore"):
        result = _runs(command, a.path)
        assert (result.exit_code, "exists already" in result.stderr) == (1, True)
    assert "archive already" in _runs("archive", a.path.parent / ".archive/a").stderr
    assert "no such run" in _runs("restore", a.path.with_name("b")).stderr


def test_the_run_in_the_current_folder_is_meant_by_a_dot(copy_run: CopyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    a = copy_run("a")
    monkeypatch.chdir(a.path)
    _done("archive", ".")
    monkeypatch.chdir(a.path.parent)
    _done("restore", "a")
    assert a.evaluation.exists()
