"""The command line explains what is installed, never shows a traceback, and answers `--help` at once."""

import json
import shlex
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ups_framework.cli import COMMANDS, group
from ups_framework.cli.group import _OUT_OF_MEMORY
from ups_framework.cli.output import print_table
from ups_framework.cli.run import resume_command
from ups_framework.errors import Mistake, RecipeError, RunError
from ups_framework.plugins import KINDS, load_plugins

RECIPES = Path(__file__).parents[2] / "recipes"
_HELP = "import sys; from ups_framework.cli import group; group(['--help'], standalone_mode=False);"


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, list(arguments))
    return result.exit_code, result.output


def test_help_imports_neither_torch_nor_plugins_and_is_quick() -> None:
    loaded = f"{_HELP} print([n for n in sys.modules if n.split('.')[0] in ('torch', 'numpy', 'cattrs', 'rich')])"
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        output = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout
        seconds.append(time.perf_counter() - start)
    print(f"ups --help: {min(seconds):.3f} s")
    assert output.splitlines()[-1] == "[]"
    assert all(f"{name} " in output and line in output for name, line in COMMANDS.items())
    assert min(seconds) < 1.0


def test_an_unknown_command_is_an_error_of_usage_with_the_nearest() -> None:
    code, output = _run("lst")
    assert code == 2
    assert "no command called 'lst' (did you mean 'list'" in output


@pytest.mark.parametrize("command", ["run", "check", "explain", "plan", "bench"])
def test_for_the_folder_of_a_run_the_message_names_the_recipe_in_it(command: str, tmp_path: Path) -> None:
    own = tmp_path / "recipe.toml"
    own.touch()
    code, output = _run(command, str(tmp_path))
    assert code == 2
    assert f"{tmp_path} is the folder of a run; its recipe is {own}" in " ".join(output.split())


@pytest.mark.parametrize("on_path", [True, False])
def test_a_stopped_run_names_a_program_that_the_shell_finds(
    on_path: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ups = tmp_path / "my env" / "ups"
    other = tmp_path / "bin" / "ups"
    for program in (ups, other):
        program.parent.mkdir()
        program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(ups.parent if on_path else other.parent))
    monkeypatch.setattr(sys, "argv", [str(ups), "run", "a.toml", "--resume", "--name", "b"])
    assert shlex.split(resume_command()) == ["ups" if on_path else str(ups), "run", "a.toml", "--name", "b", "--resume"]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """A command that raises what the test puts here."""
    raised: dict[str, BaseException] = {}

    @click.command()
    def command() -> None:
        raise raised["error"]

    monkeypatch.setattr("ups_framework.cli.plugins.command", command)
    return raised


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RunError("no such run"), 1, "Error: no such run\n"),
        (RecipeError([Mistake(path="a.b", problem="wrong")]), 2, "a.b: wrong\n1 mistake in the recipe.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (RuntimeError("CUDA out of memory. Tried"), 1, f"Error: {_OUT_OF_MEMORY}\n(CUDA out of memory. Tried)\n"),
    ],
)
def test_an_error_is_a_message_and_an_exit_code(
    failing: dict[str, BaseException], error: BaseException, code: int, message: str
) -> None:
    failing["error"] = error
    result = CliRunner().invoke(group, ["plugins"])
    assert (result.exit_code, result.stderr, result.stdout) == (code, message, "")


def test_who_asks_for_it_gets_the_traceback(failing: dict[str, BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    failing["error"] = RunError("the disk is full")
    monkeypatch.setenv("UPS_TRACEBACK", "1")
    assert CliRunner().invoke(group, ["plugins"]).exception is failing["error"]


def test_plugins_are_shown_as_text_and_as_json() -> None:
    installed = load_plugins().plugins
    code, output = _run("plugins")
    assert code == 0
    assert all(plugin.name in output for plugin in installed)
    described = json.loads(_run("plugins", "--json")[1])
    assert [item["name"] for item in described] == [plugin.name for plugin in installed]


@pytest.mark.parametrize("kind", KINDS)
def test_every_component_is_listed_and_described(kind: str) -> None:
    components = load_plugins().components(kind)
    assert [item["name"] for item in json.loads(_run("list", kind, "--json")[1])] == [item.name for item in components]
    for component in components:
        code, output = _run("describe", kind, component.qualified)
        assert code == 0
        assert component.qualified in output
        assert "source " in output


def test_a_component_that_is_not_there_is_one_message() -> None:
    result = CliRunner().invoke(group, ["describe", "operator", "no_such_operator"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no operator called 'no_such_operator'")


def test_cells_of_a_table_are_no_markup_and_steer_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [r"\[/x]", r"\[u_t\]", "[bold]", "a:heart:b", "\x1b[2J\a"]
    monkeypatch.setenv("COLUMNS", "100")
    for terminal in ("", "1"):
        monkeypatch.setenv("FORCE_COLOR", terminal)
        print_table(["a", "b", "c", "d", "e"], [cells])
        assert capsys.readouterr().out.splitlines()[-1].split() == [*cells[:-1], r"\x1b[2J\x07"]


def test_the_version_is_that_of_the_package() -> None:
    assert _run("--version") == (0, f"ups {metadata.version('ups-framework')}\n")


def test_a_file_whose_folder_is_not_there_is_refused_before_the_work(tmp_path: Path) -> None:
    for arguments in (["eval", "no_run"], ["export", "no_run"], ["report", "no_run"], ["schema"]):
        code, output = _run(*arguments, "--out", str(tmp_path / "none" / "out.json"))
        assert code == 2
        assert f"there is no folder {tmp_path / 'none'}" in output


def test_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); "
    code = f"{limited}from ups_framework.cli import main; import sys; sys.argv = ['ups', 'list']; main()"
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: the output cannot be written (File too large)\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", ""], ".: is a folder, where a TOML file is expected"),
        (["run", "my recipe.toml"], "my recipe.toml: a run is called after its recipe, and 'my recipe' is no name"),
        (["run", "my recipe.toml", "--name", ""], "--name '': use letters, digits and . _ + - only"),
        (["eval", "my recipe.toml"], "my recipe.toml: is a file; give the folder of the run"),
        (["eval", "."], ".: is no folder of a run, since it has no recipe.toml"),
    ],
)
def test_a_name_that_cannot_be_one_is_said_in_terms_of_what_was_given(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my recipe.toml").write_text(f'extends = "{RECIPES / "burgers_phase3.toml"}"', encoding="utf-8-sig")
    code, output = _run(*arguments)
    assert code != 0
    assert message in output
    assert [path.name for path in tmp_path.iterdir()] == ["my recipe.toml"]


def test_a_kind_that_is_not_there_is_an_error_of_usage() -> None:
    assert _run("list", "optimiser")[0] == 2
