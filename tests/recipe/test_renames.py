"""A component that has another name now is found by the old one, and whoever wrote that is told."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from tests.recipe.conftest import Mse, Spectral, Stack
from ups_framework.api import Renamed
from ups_framework.cli import group
from ups_framework.errors import PluginError, RecipeError
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import load_recipe

Write = Callable[..., str]
BURGERS = 'extends = "{root}/recipes/burgers_phase3.toml"\n[baselines.classical]\nuse = "{use}"\n'


def _to(name: str) -> Renamed:
    return Renamed(to=name, since="1.0")


@pytest.fixture
def renamed(registry: Registry) -> Registry:
    """The operator `stack` was once called `tower`."""
    other = Registry()
    other._components = list(registry._components)
    other.add_renamed("operator", {"tower": Renamed(to="stack", since="0.3.0")}, "small")
    return other


@pytest.mark.parametrize(("name", "new"), [("tower", "stack"), ("small:tower", "small:stack")])
def test_an_old_name_works_and_the_new_one_is_said_with_the_line(
    write: Write, renamed: Registry, recipe_text: str, name: str, new: str
) -> None:
    loaded = load_recipe(write(recipe_text.replace('"stack"', f'"{name}"')), registry=renamed, gpu=True)
    assert isinstance(loaded.recipe.operator, Stack)
    (notice,) = loaded.notices
    assert str(notice) == f"operator.use: {name!r} is now called {new!r} (since 0.3.0); write that  [wave.toml:15]"
    assert load_recipe(write(), registry=renamed, gpu=True).notices == ()


def test_old_names_are_found_inside_components_and_in_profiles_that_are_not_used(
    write: Write, renamed: Registry, recipe_text: str
) -> None:
    text = "[profile.big.operator]\nuse = 'repeated'\ninner.use = 'tower'\ninner.depth = 1\n"
    text += "[[profile.big.operator.others]]\nuse = 'tower'\ndepth = 1\n"
    notices = load_recipe(write(recipe_text + text), registry=renamed, gpu=True).notices
    assert [(notice.path, notice.source) for notice in notices] == [
        ("operator.inner.use", "profile big in wave.toml:50"),
        ("operator.others.0.use", "profile big in wave.toml:53"),
    ]


def test_an_old_name_is_not_listed_and_not_suggested(renamed: Registry) -> None:
    assert "tower" not in [component.name for component in renamed.components("operator")]
    with pytest.raises(PluginError, match=r"no operator called 'towr'; there are 'repeated'"):
        renamed.find("operator", "towr")
    with pytest.raises(PluginError, match="no loss called 'tower'"):
        renamed.find("loss", "tower")


def test_an_old_name_of_one_plugin_and_a_name_of_another_are_ambiguous(renamed: Registry) -> None:
    renamed._components = [item for item in renamed._components if item.spec is not Spectral]
    renamed.add("operator", "tower", Spectral, "other")
    with pytest.raises(PluginError, match=r"2 plugins have .* 'tower': write 'small:stack' or 'other:tower'"):
        renamed.find("operator", "tower")
    assert renamed.find("operator", "small:tower").spec is Stack
    assert renamed.find("operator", "other:tower").spec is Spectral


@pytest.mark.parametrize(
    ("renames", "reason"),
    [
        ({"old": _to("older"), "older": _to("stack")}, "'older' is an old name too"),
        ({"old": _to("stak")}, r"there is no such component in the same table .*'stack'"),
        ({"old": _to("mse")}, "there is no such component in the same table"),
        ({"old": _to("old")}, "'old' is an old name too"),
        ({"stack": _to("spectral")}, "a component has this name now"),
        ({"Old": _to("stack")}, "'Old' is no name"),
    ],
)
def test_a_rename_that_leads_to_no_component_is_refused(
    registry: Registry, renames: dict[str, Renamed], reason: str
) -> None:
    with pytest.raises(PluginError, match=reason):
        registry.add_renamed("operator", renames, "small")


def test_a_component_cannot_take_an_old_name_of_its_plugin() -> None:
    registry = Registry()
    registry.add("operator", "stack", Stack, "small")
    registry.add_renamed("operator", {"tower": _to("stack")}, "small")
    with pytest.raises(PluginError, match="has registered this name already, as an old one"):
        registry.add("operator", "tower", Spectral, "small")
    registry.add("loss", "tower", Mse, "small")
    registry.discard("small")
    with pytest.raises(PluginError, match="no operator called 'tower'"):
        registry.find("operator", "tower")


def test_the_renamed_baseline_warns_and_the_recipe_of_the_run_has_the_new_name(
    write: Write, request: pytest.FixtureRequest
) -> None:
    texts = {use: BURGERS.format(root=request.config.rootpath, use=use) for use in ("classical", "finite_volume")}
    old, new = (CliRunner().invoke(group, ["check", write(text, f"{use}.toml")]) for use, text in texts.items())
    assert (old.exit_code, new.exit_code, new.stderr) == (0, 0, "")
    assert old.stderr == (
        "Warning: baselines.classical.use: 'classical' is now called 'finite_volume' (since 0.2.0); write that"
        "  [classical.toml:3]\n"
    )
    registry = load_plugins()
    recipes = [load_recipe(f"{use}.toml", registry=registry, gpu=False).recipe for use in texts]
    assert recipes[0] == recipes[1]
    assert registry.name_of(type(recipes[0].baselines["classical"])) == "burgers:finite_volume"


def test_a_name_of_a_plugin_that_is_not_installed_says_so(write: Write, registry: Registry) -> None:
    """As in the resolved recipe of a run, where the plugin was uninstalled since."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(), registry=registry, settings=["operator={use='gone:fno', modes=3}"], gpu=True)
    assert [mistake.problem for mistake in caught.value.mistakes] == [
        "no operator called 'gone:fno'; no plugin called 'gone' is installed in this environment "
        "(entry points are read when a package is installed: `pip install -e` it again after changing them)"
    ]
