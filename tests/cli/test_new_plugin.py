"""`ups new-plugin` writes a package with the names replaced, and refuses what would not work."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ups_framework.cli import group

EXAMPLE = Path(__file__).parents[2] / "docs/examples/ups-heat"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _new(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, ["new-plugin", *arguments], catch_exceptions=False)
    return result.exit_code, result.output


def _files(folder: Path) -> list[str]:
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return sorted(str(path) for path in files if not path.parts[0].startswith("."))


def test_every_file_of_the_example_is_written_under_the_new_name() -> None:
    code, output = _new("kdv_waves")
    assert code == 0
    assert _files(Path("ups-kdv_waves")) == [path.replace("heat", "kdv_waves") for path in _files(EXAMPLE)]
    project = tomllib.loads(Path("ups-kdv_waves/pyproject.toml").read_text())["project"]
    assert project["name"] == "ups-kdv_waves"
    assert project["entry-points"]["ups"] == {"kdv_waves": "ups_kdv_waves.plugin"}
    module = ast.parse(Path("ups-kdv_waves/ups_kdv_waves/dataset.py").read_text())
    assert "KdvWavesDataset" in [node.name for node in module.body if isinstance(node, ast.ClassDef)]
    for line in ("pip install -e 'ups-kdv_waves[test]'", "ups plugins check kdv_waves", "ups run kdv_waves:quick"):
        assert line in output


def test_the_folder_can_be_named() -> None:
    assert _new("kdv_waves", "--to", "some/where")[0] == 0
    assert Path("some/where/ups_kdv_waves/plugin.py").exists()


@pytest.mark.parametrize("name", ["x", "a_name_of_thirty_two_letters_abc", "field", "path"])
def test_the_code_is_in_order_whatever_the_length_of_the_name(name: str) -> None:
    assert _new(name)[0] == 0
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", f"ups-{name}"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["Heat", "kdv-waves", "2d", "_waves", "waves_", "a" * 33, "ä"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    code, output = _new(name)
    assert (code, list(Path().iterdir())) == (1, [])
    assert f"{name!r} is no name for a plugin: take lower-case letters" in output


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none", "'none' is no name for a plugin: Python keeps the word None for itself"),
        ("test_waves", "'test_waves' is no name for a plugin: pytest would take its classes, TestWaves..., for tests"),
        ("burgers", "a plugin called 'burgers' is installed (ups-burgers): take another name"),
        ("framework", "there is a module ups_framework already: take another name"),
    ],
)
def test_a_name_that_is_taken_or_means_something_else_is_refused(name: str, reason: str) -> None:
    code, output = _new(name)
    assert (code, list(Path().iterdir())) == (1, [])
    assert reason in output


def test_a_place_that_cannot_be_written_is_one_message_and_leaves_nothing() -> None:
    Path("file").touch()
    Path("dangling").symlink_to("nowhere")
    for place in ("file/below", "x" * 300):
        code, output = _new("kdv_waves", "--to", place)
        assert code == 1
        assert f"{place}: cannot be written (" in output
    assert "dangling exists" in _new("kdv_waves", "--to", "dangling")[1]
    assert sorted(path.name for path in Path().iterdir()) == ["dangling", "file"]


def test_a_folder_that_exists_is_left_as_it_is() -> None:
    Path("ups-kdv_waves").mkdir()
    Path("ups-kdv_waves/mine").write_text("kept")
    code, output = _new("kdv_waves")
    assert code == 1
    assert "ups-kdv_waves exists: name another folder with --to" in output
    assert [path.name for path in Path("ups-kdv_waves").iterdir()] == ["mine"]
