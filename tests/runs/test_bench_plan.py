"""Variants are what the command line says, and runs of equal recipes share a folder."""

from pathlib import Path

import pytest

from ups_framework.errors import RecipeError
from ups_framework.plugins import Registry, load_plugins
from ups_framework.runs.bench_plan import plan, split_values, variants_of

QUICK = Path("burgers:quick")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_plugins()


def _labels(recipes: list[str], *varied: str) -> list[str]:
    return [variant.label for variant in variants_of([Path(recipe) for recipe in recipes], varied)]


def test_commas_inside_brackets_braces_and_quotes_part_nothing() -> None:
    text = """1, ["a", "b"],{use='x', y=[1,2]}, "c,]d" """
    assert split_values(text) == ["1", '["a", "b"]', "{use='x', y=[1,2]}", '"c,]d"']


def test_several_keys_make_a_grid_whose_first_variant_has_all_first_values() -> None:
    assert _labels(["a.toml"], "b=1,2", "c=x,y") == ["b=1, c=x", "b=1, c=y", "b=2, c=x", "b=2, c=y"]


def test_a_key_that_comes_twice_has_all_the_values() -> None:
    assert _labels(["a.toml"], "b=1", "b=2") == ["b=1", "b=2"]


def test_recipes_are_variants_too_and_are_told_apart() -> None:
    assert _labels(["x/a.toml", "x/b.toml"]) == ["a", "b"]
    assert _labels(["x/a.toml", "y/a.toml"]) == ["x/a.toml", "y/a.toml"]
    assert _labels(["a.toml", "b.toml"], "c=1,2") == ["a, c=1", "a, c=2", "b, c=1", "b, c=2"]
    assert _labels(["a.toml"], "b=1,1") == ["b=1", "b=1 (2)"]


@pytest.mark.parametrize("text", ["latent.tokens", "latent.tokens=", "a=1,,2", "seed=0,1"])
def test_what_is_no_list_of_values_is_a_mistake(text: str) -> None:
    with pytest.raises(RecipeError, match=r"--vary"):
        variants_of([QUICK], [text])


def test_a_whole_table_can_be_varied(registry: Registry) -> None:
    variants = variants_of([QUICK], ["sampler={use='uniform', fraction=0.5},{use='dense'}"])
    first, second = plan(variants, [0], registry=registry, gpu=False)
    assert type(first.recipe.sampler).__name__ == "Uniform"
    assert type(second.recipe.sampler).__name__ == "Dense"


def test_the_mistakes_of_all_variants_come_at_once(registry: Registry) -> None:
    variants = variants_of([QUICK], ["latent.tokens=16,-1,x", "latent.width=64,65"])
    with pytest.raises(RecipeError) as caught:
        plan(variants, [0], registry=registry, gpu=False)
    sources = {mistake.source for mistake in caught.value.mistakes}
    assert sources == {"--set latent.tokens=-1", "--set latent.tokens=x"}


def test_a_seed_in_the_settings_is_refused(registry: Registry) -> None:
    with pytest.raises(RecipeError, match="--seeds"):
        plan(variants_of([QUICK], []), [0], registry=registry, settings=["seed=3"], gpu=False)


def test_equal_recipes_share_a_folder_whatever_they_are_called(registry: Registry, tmp_path: Path) -> None:
    """A value that is the default, said or not, makes no other run; another value or seed does."""
    variants = variants_of([QUICK], ["optimizer.ema=0.999,0.9990,0.9"])
    first, same, other = plan(variants, [0], registry=registry, gpu=False)
    (plain, later) = plan(variants_of([QUICK], []), [0, 1], registry=registry, gpu=False)
    first.folder(tmp_path).mkdir()
    folders = [trial.folder(tmp_path).name for trial in (first, same, other, plain, later)]
    assert folders[0] == folders[1] == folders[3]
    assert len(set(folders)) == 3
    assert folders[0].startswith("optimizer.ema-0.999.seed-0.")
