"""Files, profiles and settings lie over one another key by key, and each value knows which of them set it."""

from collections.abc import Callable

import pytest

from ups_framework.errors import RecipeError
from ups_framework.plugins import Registry
from ups_framework.recipe import load_recipe
from ups_framework.recipe.recipe import Recipe

Write = Callable[..., str]
CPU = "\n[profile.cpu.latent]\ntokens = 2\n[profile.cpu.operator]\ndepth = 1\n"


def _load(name: str, registry: Registry, *settings: str, profile: str | None = None, gpu: bool = True) -> Recipe:
    return load_recipe(name, registry=registry, settings=settings, profile=profile, gpu=gpu).recipe


def test_a_table_lies_over_its_base_key_by_key_and_a_list_replaces(write: Write, registry: Registry) -> None:
    write()
    child = write("extends = 'wave.toml'\n[stages.all]\nlosses = ['drift', 'fit']\n[latent]\nwidth = 6\n", "child.toml")
    recipe = _load(child, registry)
    assert (recipe.latent.tokens, recipe.latent.width) == (8, 6)
    assert recipe.stages["all"].losses == ("drift", "fit")
    assert recipe.stages["all"].steps == 20
    assert list(recipe.stages) == ["warm", "all"]


def test_a_block_that_names_another_component_drops_the_old_parameters(write: Write, registry: Registry) -> None:
    write()
    child = write("extends = 'wave.toml'\n[operator]\nuse = 'spectral'\nmodes = 3\n", "child.toml")
    assert registry.name_of(type(_load(child, registry).operator)) == "small:spectral"


def test_a_block_that_names_the_same_component_by_its_plugin_keeps_the_parameters(
    write: Write, registry: Registry
) -> None:
    write()
    child = write("extends = 'wave.toml'\n[operator]\nuse = 'small:stack'\nheads = 3\n", "child.toml")
    assert _load(child, registry) == _load("wave.toml", registry, "operator.heads=3")


def test_the_order_of_settings_does_not_matter(write: Write, registry: Registry) -> None:
    settings = ["operator.modes=3", "operator.use=spectral"]
    assert _load(write(), registry, *settings) == _load("wave.toml", registry, *reversed(settings))


def test_components_nest_in_fields_lists_and_options(write: Write, registry: Registry) -> None:
    setting = """operator={use="repeated", inner={use="stack", depth=1}, others=[{use="spectral", modes=2}]}"""
    operator = _load(write(), registry, setting, "operator.after={use='spectral', modes=9}").operator
    assert repr(operator).count("Spectral(") == 2
    assert "Stack(depth=1" in repr(operator)


def test_a_mistake_between_two_values_names_both_sources(write: Write, registry: Registry) -> None:
    with pytest.raises(RecipeError, match=r"not both  \[wave\.toml:28, --set losses\.drift\.weight=1\]"):
        _load(write(), registry, "losses.drift.weight=1")


def test_values_know_the_layer_and_the_line_that_set_them(write: Write, registry: Registry) -> None:
    write(append=CPU)
    child = write("extends = '../wave.toml'\n[operator]\nheads = 4\n", "deep/child.toml")
    loaded = load_recipe(child, registry=registry, settings=["seed=3"], gpu=False)
    assert loaded.origin("operator.heads") == "deep/child.toml:3"
    assert loaded.origin("operator") == "wave.toml:14, deep/child.toml:2, profile cpu in wave.toml:51"
    assert loaded.origin("operator.attention") == loaded.origin("operator")
    assert loaded.origin("training.batch") == "deep/child.toml"
    assert loaded.origin("operator.depth") == "profile cpu in wave.toml:52"
    assert loaded.origin("data.use") == "wave.toml:5"
    assert loaded.origin("seed") == "--set seed=3"


def test_extends_chains_and_is_relative_to_its_file(write: Write, registry: Registry) -> None:
    write(name="base/all.toml")
    write("extends = 'all.toml'\nseed = 5\n[latent]\nwidth = 5\n", "base/middle.toml")
    recipe = _load(write("extends = 'base/middle.toml'\nseed = 6\n", "top.toml"), registry)
    assert (recipe.seed, recipe.latent.width, recipe.latent.tokens) == (6, 5, 8)


def test_a_circle_of_extends_is_shown(write: Write, registry: Registry) -> None:
    for name, base in {"a": "b", "b": "c", "c": "a"}.items():
        write(f"extends = '{base}.toml'\n", f"{name}.toml")
    with pytest.raises(RecipeError, match=r"a\.toml → b\.toml → c\.toml → a\.toml"):
        _load("a.toml", registry)


def test_a_missing_base_is_named_with_near_files(write: Write, registry: Registry) -> None:
    write()
    child = write("extends = 'wvae.toml'\n", "child.toml")
    with pytest.raises(
        RecipeError, match=r"wvae\.toml: cannot be read, which 'extends' names.*'wave\.toml'.*child\.toml:1"
    ):
        _load(child, registry)


def test_profile_cpu_is_used_without_a_gpu_and_only_then(write: Write, registry: Registry) -> None:
    name = write(append=CPU)
    without, with_gpu = (load_recipe(name, registry=registry, gpu=gpu) for gpu in (False, True))
    assert (without.profile, without.recipe.latent.tokens, without.name) == ("cpu", 2, "wave")
    assert (with_gpu.profile, with_gpu.recipe.latent.tokens) == (None, 8)
    assert load_recipe(name, registry=registry, gpu=False, profile="none").recipe == with_gpu.recipe
    assert load_recipe(name, registry=registry, gpu=True, profile="cpu").recipe == without.recipe


def test_a_recipe_without_profiles_needs_none_on_a_cpu(write: Write, registry: Registry) -> None:
    assert load_recipe(write(), registry=registry, gpu=False).profile is None


def test_settings_lie_over_the_profile(write: Write, registry: Registry) -> None:
    assert _load(write(append=CPU), registry, "latent.tokens=3", gpu=False).latent.tokens == 3


def test_an_unknown_profile_is_an_error_with_those_there_are(write: Write, registry: Registry) -> None:
    with pytest.raises(RecipeError, match=r"no profile called 'cup' \(did you mean 'cpu'\?\); profiles are 'cpu'"):
        _load(write(append=CPU), registry, profile="cup")
    with pytest.raises(RecipeError, match="no profile called 'cup'; the recipe has no profiles"):
        _load(write(), registry, profile="cup")


def test_a_profile_of_the_base_merges_with_that_of_the_file(write: Write, registry: Registry) -> None:
    write(append=CPU)
    child = write("extends = 'wave.toml'\n[profile.cpu.latent]\nwidth = 3\n", "child.toml")
    recipe = _load(child, registry, gpu=False)
    assert (recipe.latent.tokens, recipe.latent.width) == (2, 3)


def test_what_a_base_profile_set_on_a_component_goes_with_the_component(write: Write, registry: Registry) -> None:
    write(append=CPU)
    child = write("extends = 'wave.toml'\n[operator]\nuse = 'spectral'\nmodes = 3\n", "child.toml")
    recipe = _load(child, registry, gpu=False)
    assert registry.name_of(type(recipe.operator)) == "small:spectral"
    assert recipe.latent.tokens == 2


def test_a_wrong_profile_is_found_on_machines_that_do_not_use_it(write: Write, registry: Registry) -> None:
    with pytest.raises(RecipeError) as caught:
        _load(write(append=CPU + "heads = 0\n"), registry)
    assert str(caught.value) == "operator.heads: must be >= 1: 0  [profile cpu in wave.toml:53]"


def test_settings_that_suit_only_the_chosen_profile_are_no_mistake(write: Write, registry: Registry) -> None:
    tiny = "\n[profile.tiny.operator]\nuse = 'spectral'\nmodes = 2\n"
    recipe = _load(write(append=tiny), registry, "operator.modes=5", profile="tiny")
    assert registry.name_of(type(recipe.operator)) == "small:spectral"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("description=word", "word"),
        ("description=a:b/c.d-e", "a:b/c.d-e"),
        ("description='two words'", "two words"),
        ('description="quoted" # comment', "quoted"),
        ("description = 3d", "3d"),
    ],
)
def test_a_setting_is_a_toml_value_or_a_bare_word(write: Write, registry: Registry, setting: str, value: str) -> None:
    assert _load(write(), registry, setting).description == value


@pytest.mark.parametrize(
    "setting", ["seed", "seed=", "=3", "seed=1\nseed=2", "a b=3", "description=two words", "#a=1", "stages={ }"]
)
def test_a_setting_that_says_nothing_clear_is_refused(write: Write, registry: Registry, setting: str) -> None:
    with pytest.raises(RecipeError, match="--set"):
        _load(write(), registry, setting)


@pytest.mark.parametrize(
    ("setting", "message"),
    [("profile.cpu.seed=3", "set the value itself"), ("extends=wave.toml", "a recipe's file says what it extends")],
)
def test_what_belongs_to_files_is_no_setting(write: Write, registry: Registry, setting: str, message: str) -> None:
    with pytest.raises(RecipeError, match=f"--set {setting}: .*{message}"):
        _load(write(), registry, setting)


def test_a_loss_of_the_base_that_no_stage_lists_any_more_is_dropped(write: Write, registry: Registry) -> None:
    write()
    child = write("extends = 'wave.toml'\n[stages.all]\nlosses = ['fit']\n", "child.toml")
    assert list(_load(child, registry).losses) == ["fit"]


def test_a_loss_that_the_file_itself_sets_and_no_stage_lists_is_a_mistake(write: Write, registry: Registry) -> None:
    write()
    child = "extends = 'wave.toml'\n[stages.all]\nlosses = ['fit']\n[losses.drift]\nshare = 0.1\n"
    with pytest.raises(RecipeError, match=r"losses\.drift: no stage uses it"):
        _load(write(child, "child.toml"), registry)
