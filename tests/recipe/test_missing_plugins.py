"""A recipe whose plugin is broken, doubled or gone gets one message that says so, with the line that needs it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ups_framework.cli import group
from ups_framework.plugins import load_plugins
from ups_framework.recipe import dump_recipe, load_recipe

SOURCE = '''
from attrs import frozen
from ups_framework import hookimpl
from ups_framework.api import Baseline

@frozen(kw_only=True)
class Quiet(Baseline):
    """Nothing at all."""
    def build(self, problem):
        return lambda start, steps, grid, parameters: start[:, None].expand(-1, steps, -1, -1)

@hookimpl
def ups_baselines():
    return {"quiet": Quiet}
'''
RECIPE = """extends = "{root}/recipes/navier_stokes_decaying.toml"

[baselines.quiet]
use = "quiet"
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a plugin where Python finds it; gives the folder, without which it is uninstalled."""
    modules: list[str] = []

    def write(plugin: str, source: str = SOURCE) -> Path:
        folder = tmp_path / plugin
        info = folder / f"{plugin}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {plugin}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[ups]\n{plugin} = {plugin}\n")
        (folder / f"{plugin}.py").write_text(source)
        monkeypatch.syspath_prepend(str(folder))
        modules.append(plugin)
        return folder

    yield write
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def recipe(write: Callable[..., str], request: pytest.FixtureRequest) -> str:
    return write(RECIPE.format(root=request.config.rootpath), "mine.toml")


def _ups(*arguments: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(group, arguments)
    return result.exit_code, result.stderr.splitlines()


def test_a_component_of_a_broken_plugin_is_refused_with_what_broke_it(install: Install, recipe: str) -> None:
    install("zz_quiet", "import no_such_module_at_all")
    code, (line, count) = _ups("check", recipe)
    assert (code, count) == (2, "1 mistake in the recipe.")
    assert line.startswith("baselines.quiet.use: no baseline called 'quiet'")
    assert "plugin 'zz_quiet' is broken: ModuleNotFoundError: No module named 'no_such_module_at_all'" in line
    assert line.endswith("  [mine.toml:4]")


def test_a_name_that_two_plugins_have_is_refused_with_both(install: Install, recipe: str) -> None:
    for plugin in ("zz_one", "zz_two"):
        install(plugin)
    message = "2 plugins have a baseline called 'quiet': write 'zz_one:quiet' or 'zz_two:quiet'"
    assert _ups("check", recipe) == (2, [f"baselines.quiet.use: {message}  [mine.toml:4]", "1 mistake in the recipe."])
    assert _ups("check", recipe, "--set", "baselines.quiet.use=zz_two:quiet")[0] == 0


@pytest.mark.parametrize("command", ["run", "eval"])
def test_a_plugin_that_went_after_the_run_began_is_named(install: Install, recipe: str, command: str) -> None:
    folder = install("zz_quiet")
    loaded = load_recipe(recipe, registry=load_plugins(), gpu=False)
    resolved = Path("runs/mine/recipe.toml")
    resolved.parent.mkdir(parents=True)
    resolved.write_text(dump_recipe(loaded.recipe, load_plugins()))
    number = resolved.read_text().splitlines().index('use = "zz_quiet:quiet"') + 1
    shutil.rmtree(folder)
    arguments = ["run", str(resolved), "--name", "mine", "--resume"] if command == "run" else ["eval", "runs/mine"]
    problem = (
        "no baseline called 'zz_quiet:quiet'; no plugin called 'zz_quiet' is installed in this environment "
        "(entry points are read when a package is installed: `pip install -e` it again after changing them)"
    )
    expected = f"baselines.quiet.use: {problem}  [{resolved}:{number}]"
    assert _ups(*arguments) == (2, [expected, "1 mistake in the recipe."])


def test_a_plugin_that_went_leaves_recipes_without_it_alone(
    install: Install, recipe: str, request: pytest.FixtureRequest
) -> None:
    install("zz_quiet", "raise RuntimeError('not today')")
    assert _ups("check", f"{request.config.rootpath}/recipes/navier_stokes_decaying.toml") == (0, [])
