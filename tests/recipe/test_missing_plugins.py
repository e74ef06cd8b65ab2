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


SHIPPED = (
    SOURCE
    + """
from pathlib import Path

@hookimpl
def ups_recipes():
    return {"calm": Path(__file__).parent / "calm.toml"}
"""
)
BROKEN_TERM = '''
from attrs import frozen
from ups_framework import hookimpl
from ups_framework.api import LossTerm

@frozen(kw_only=True)
class Typo(LossTerm):
    """A loss with a bug."""
    def build(self, problem):
        return lambda step: step.predicition.mean()

@hookimpl
def ups_losses():
    return {"typo": Typo}
'''


@pytest.fixture
def calm(install: Install, request: pytest.FixtureRequest) -> Path:
    """The folder of a plugin whose recipe names its own component by its bare name, in a file that it extends."""
    folder = install("zz_one", SHIPPED)
    (folder / "parts").mkdir()
    (folder / "parts/base.toml").write_text(RECIPE.format(root=request.config.rootpath))
    (folder / "calm.toml").write_text('extends = "parts/base.toml"\n')
    return folder


def test_a_bare_name_in_a_shipped_recipe_means_the_component_of_its_plugin(
    install: Install, calm: Path, write: Callable[..., str]
) -> None:
    install("zz_two")
    registry = load_plugins()
    mine = write('extends = "zz_one:calm"\n[baselines.quiet]\n[latent]\nwidth = 32\n', "mine.toml")
    for recipe in ("zz_one:calm", calm / "calm.toml", mine):
        quiet = load_recipe(recipe, registry=registry, gpu=False).recipe.baselines["quiet"]
        assert registry.name_of(type(quiet)) == "zz_one:quiet"


def test_a_bare_name_that_a_user_writes_over_a_shipped_recipe_stays_ambiguous(
    install: Install, calm: Path, write: Callable[..., str]
) -> None:
    install("zz_two")
    mine = write('extends = "zz_one:calm"\n[baselines.quiet]\nuse = "quiet"\n', "mine.toml")
    code, (line, _) = _ups("check", mine)
    assert code == 2
    assert line.startswith("baselines.quiet.use: 2 plugins have a baseline called 'quiet'")
    assert line.endswith("  [mine.toml:3]")


def test_a_name_of_the_frameworks_own_means_that_one_in_a_shipped_recipe_too(install: Install, calm: Path) -> None:
    (calm / "zz_one.py").write_text(SHIPPED.replace('{"quiet": Quiet}', '{"persistence": Quiet}'))
    base = calm / "parts/base.toml"
    base.write_text(base.read_text().replace('use = "quiet"', 'use = "persistence"'))
    registry = load_plugins()
    still = load_recipe("zz_one:calm", registry=registry, gpu=False).recipe.baselines["quiet"]
    assert registry.name_of(type(still)) == "builtin:persistence"


def test_a_run_of_a_shipped_recipe_whose_plugin_went_points_to_its_own_recipe(
    calm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = Path("runs/zz_one_calm/recipe.toml")
    own.parent.mkdir(parents=True)
    own.write_text("")
    shutil.rmtree(calm)
    for name, wanted in ((), True), (("--name", "other"), False):
        code, (line, _) = _ups("run", "zz_one:calm", "--resume", *name)
        assert code == 2
        assert "no plugin called 'zz_one' is installed in this environment" in line
        assert ("the run's own recipe is in runs/zz_one_calm/recipe.toml" in line) is wanted


def test_a_check_says_which_term_could_not_be_tried_and_where_it_broke(
    install: Install, write: Callable[..., str], request: pytest.FixtureRequest
) -> None:
    install("zz_typo", BROKEN_TERM)
    base = f"{request.config.rootpath}/recipes/navier_stokes_decaying.toml"
    code, (line,) = _ups("check", write(f'extends = "{base}"\n[losses.prediction]\nuse = "typo"\n', "mine.toml"))
    assert code == 0
    assert line.startswith("Warning: losses.prediction (zz_typo.Typo) could not be tried on made-up frames: ")
    assert "AttributeError: 'Step' object has no attribute 'predicition'" in line
    assert line.endswith("(zz_typo.py, line 10)")


def test_a_plugin_that_went_leaves_recipes_without_it_alone(
    install: Install, recipe: str, request: pytest.FixtureRequest
) -> None:
    install("zz_quiet", "raise RuntimeError('not today')")
    assert _ups("check", f"{request.config.rootpath}/recipes/navier_stokes_decaying.toml") == (0, [])
