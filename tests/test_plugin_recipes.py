"""A plugin ships recipes: they are found by name, run, extended and listed, and a broken one harms no other."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ups_framework.cli import group
from ups_framework.errors import PluginError, RecipeError
from ups_framework.plugins import PluginInfo, load_plugins
from ups_framework.recipe import LoadedRecipe, load_recipe

MODULE = """
from pathlib import Path
from ups_framework import hookimpl

HERE = Path(__file__).parent

@hookimpl
def ups_recipes():
    return {table}
"""
FIRST = 'extends = "parts/base.toml"\ndescription = "the first"\ncost = "seconds"\n'
BASE = 'extends = "navier_stokes:decaying"\n[optimizer]\nclip = 0.5\n'
TABLE = '{"first": HERE / "recipes/first.toml"}'
BROKEN = {
    "list": ("[]", 'ups_recipes returned list: expected a table such as {"name": Path(...)}'),
    "name": ('{"The First": HERE / "recipes/first.toml"}', "'The First' is no name"),
    "text": ('{"first": str(HERE / "recipes/first.toml")}', "it is no path"),
    "relative": ('{"first": Path("recipes/first.toml")}', "the path is relative"),
    "missing": ('{"first": HERE / "recipes/frist.toml"}', "there is no such TOML file"),
    "folder": ('{"first": HERE / "recipes"}', "there is no such TOML file"),
    "other file": ('{"first": HERE / "__init__.py"}', "there is no such TOML file"),
}

Ship = Callable[..., None]


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ship]:
    """Installs a plugin with recipe files in its package, where Python finds it; the current folder is an empty one."""
    site, here = tmp_path / "site", tmp_path / "here"
    here.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(here)
    shipped = []

    def write(plugin: str, table: str = TABLE, **files: str) -> None:
        recipes = site / plugin / "recipes"
        (recipes / "parts").mkdir(parents=True)
        (site / plugin / "__init__.py").write_text(MODULE.format(table=table))
        for name, text in {"first": FIRST, "parts/base": BASE, **files}.items():
            (recipes / f"{name}.toml").write_text(text)
        info = site / f"dist_{plugin}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{plugin}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[ups]\n{plugin} = {plugin}\n")
        shipped.append(plugin)

    yield write
    for plugin in shipped:
        sys.modules.pop(plugin, None)


def _load(recipe: str | Path) -> LoadedRecipe:
    return load_recipe(recipe, registry=load_plugins(), gpu=False)


def _plugin(name: str) -> PluginInfo:
    (plugin,) = [plugin for plugin in load_plugins().plugins if plugin.name == name]
    return plugin


def _ups(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, list(arguments), catch_exceptions=False)
    return result.exit_code, result.output


# Registered


def test_a_recipe_is_found_by_its_qualified_and_by_its_bare_name(ship: Ship, tmp_path: Path) -> None:
    ship("zz_waves")
    registry = load_plugins()
    recipe = registry.find_recipe("zz_waves:first")
    assert (recipe.name, recipe.plugin, recipe.qualified) == ("first", "zz_waves", "zz_waves:first")
    assert recipe.path == tmp_path / "site/zz_waves/recipes/first.toml"
    assert registry.find_recipe("first") == recipe
    assert recipe in registry.recipes
    assert _plugin("zz_waves").counts == {"recipe": 1}


@pytest.mark.parametrize(("table", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_plugin_with_what_is_no_recipe_is_broken_and_stops_no_other(ship: Ship, table: str, reason: str) -> None:
    ship("zz_broken", table)
    ship("zz_waves")
    error = _plugin("zz_broken").error
    assert error is not None
    assert reason in error
    assert load_plugins().find_recipe("first").plugin == "zz_waves"


def test_a_name_that_two_plugins_have_must_be_qualified(ship: Ship) -> None:
    ship("zz_one")
    ship("zz_two")
    registry = load_plugins()
    with pytest.raises(PluginError, match=r"2 plugins have a recipe .* write 'zz_one:first' or 'zz_two:first'"):
        registry.find_recipe("first")
    assert registry.find_recipe("zz_two:first").plugin == "zz_two"


def test_an_unknown_name_comes_with_the_nearest_and_with_what_is_broken(ship: Ship) -> None:
    ship("zz_waves")
    ship("zz_broken", "[]")
    with pytest.raises(PluginError, match="no recipe called 'zz_waves:frist'") as found:
        load_plugins().find_recipe("zz_waves:frist")
    assert "(did you mean 'zz_waves:first'" in str(found.value)
    assert "plugin 'zz_broken' is broken: ups_recipes returned list" in str(found.value)


# Run and extended


def test_a_shipped_recipe_loads_from_any_folder_and_extends_files_beside_it(ship: Ship) -> None:
    ship("zz_waves")
    loaded = _load("zz_waves:first")
    assert (loaded.name, loaded.recipe.description) == ("zz_waves_first", "the first")
    assert loaded.recipe.optimizer.clip == 0.5
    assert _ups("check", "zz_waves:first")[0] == 0


def test_a_file_extends_a_shipped_recipe_by_name(ship: Ship) -> None:
    ship("zz_waves")
    Path("mine.toml").write_text('extends = "zz_waves:first"\n[latent]\ntokens = 16\n')
    recipe = _load("mine.toml").recipe
    assert (recipe.latent.tokens, recipe.optimizer.clip) == (16, 0.5)


def test_a_file_with_a_colon_in_its_name_comes_first(ship: Ship) -> None:
    ship("zz_waves")
    Path("zz_waves:first").write_text('extends = "zz_waves:first.toml"\n')
    Path("zz_waves:first.toml").write_text('extends = "navier_stokes:decaying"\ndescription = "a file"\n')
    assert _load("zz_waves:first").recipe.description == "a file"


def test_a_shipped_recipe_that_extends_itself_is_a_circle(ship: Ship) -> None:
    ship("zz_waves", first='extends = "zz_waves:first"\n')
    with pytest.raises(RecipeError, match="'extends' goes in a circle"):
        _load("zz_waves:first")


def test_a_recipe_that_no_plugin_ships_is_a_mistake_where_it_is_named(ship: Ship) -> None:
    ship("zz_waves")
    wanted = "no recipe called 'zz_waves:frist' (did you mean 'zz_waves:first'"
    code, output = _ups("check", "zz_waves:frist")
    assert code == 2
    assert wanted in output
    Path("mine.toml").write_text('extends = "zz_waves:frist"\n')
    code, output = _ups("check", "mine.toml")
    assert code == 2
    assert wanted in output
    assert "mine.toml" in output


def test_the_bare_name_of_a_shipped_recipe_is_answered_with_the_whole_one(ship: Ship) -> None:
    ship("zz_waves")
    with pytest.raises(RecipeError, match="there is no such file; the recipe that a plugin ships is 'zz_waves:first'"):
        _load("first")


# Listed


def test_recipes_are_listed_with_description_and_cost(ship: Ship) -> None:
    ship("zz_waves")
    listed = {item["name"]: item for item in json.loads(_ups("recipes", "--json")[1])}
    first = listed["zz_waves:first"]
    assert (first["description"], first["cost"], first["error"]) == ("the first", "seconds", None)
    code, output = _ups("recipes")
    assert code == 0
    assert all(item["description"] in output for item in listed.values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('extends = "navier_stokes:decaying"\ndescription = ""\n', "it has no 'description'"),
        ('extends = "navier_stokes:decaying"\nseeed = 1\n', "unknown key (did you mean 'seed'"),
        ('extends = "no_such_plugin:recipe"\n', "no recipe called 'no_such_plugin:recipe'"),
        ("= 3", "first.toml"),
    ],
)
def test_a_broken_recipe_is_listed_with_the_reason_and_harms_no_other(ship: Ship, text: str, reason: str) -> None:
    ship("zz_broken", first=text)
    ship("zz_waves")
    listed = {item["name"]: item for item in json.loads(_ups("recipes", "--json")[1])}
    assert reason in listed["zz_broken:first"]["error"]
    assert listed["zz_waves:first"]["error"] is None
    code, output = _ups("recipes")
    assert code == 0
    assert reason in output
