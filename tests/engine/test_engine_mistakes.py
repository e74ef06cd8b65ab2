"""Mistakes between parts, problem and stages are found before any data is made, all at once, each with its path."""

from typing import TYPE_CHECKING

import attrs
import pytest
import torch

from ups_framework.engine.mistakes import find_mistakes
from ups_framework.engine.prepare import refuse_mistakes
from ups_framework.errors import RecipeError

if TYPE_CHECKING:
    from tests.engine.conftest import MakeRecipe

SHARES = {"mass": 'use = "conservation", share = 0.5', "norm": 'use = "latent_norm", share = 0.5'}


def test_a_recipe_that_can_be_built_has_none(make_recipe: "MakeRecipe") -> None:
    assert find_mistakes(make_recipe()) == []
    assert find_mistakes(make_recipe(heat=True)) == []


@pytest.mark.parametrize(
    ("setting", "mistake"),
    [
        ("latent.tokens=7", r"latent\.tokens: the grid of 32 points does not divide into 7 equal patches"),
        ("encoder.kernel=4", r"encoder\.kernel: 4 is even"),
        ("operator.heads=3", r"operator\.heads: 3 heads do not divide the width 16"),
        ("decoder.bound={v=2.0}", r"decoder\.bound\.v: advection has no such field \(it has: u\)"),
        ("sampler.points=33", r"sampler\.points: .*32"),
        ("losses.prediction={use='spectral'}", r"losses\.prediction\.use: a Fourier spectrum needs periodic axes"),
        ("losses.prediction={use='conservation'}", r"losses\.prediction\.quantity: heat conserves nothing"),
        ("metrics.drift={use='conservation_drift'}", r"metrics\.drift\.quantity: heat conserves nothing"),
        (
            "stages.operator.unroll=0",
            r"stages\.operator\.unroll: 0 predicts nothing, so the operator cannot be trained",
        ),
        ("stages.operator.unroll=0", r"stages\.operator\.select: 'rollout' does not change in a stage that only recon"),
        ("losses.prediction.share=0.5", r"stages\.operator\.losses: every term has a 'share'; one needs a 'weight'"),
    ],
)
def test_each_kind_is_found_with_its_path(make_recipe: "MakeRecipe", setting: str, mistake: str) -> None:
    heat = "heat" in mistake or "periodic" in mistake or "share" in setting
    with pytest.raises(RecipeError, match=f"(?m)^{mistake}"):
        refuse_mistakes(make_recipe(setting, heat=heat))


def test_a_recipe_without_nrmse_cannot_choose_its_checkpoints(make_recipe: "MakeRecipe") -> None:
    with pytest.raises(RecipeError, match=r"metrics\.nrmse: missing"):
        refuse_mistakes(attrs.evolve(make_recipe(), metrics={}))


def test_shares_that_leave_nothing_for_the_other_terms_are_a_mistake(make_recipe: "MakeRecipe") -> None:
    """Shares of 0.5 and 0.5 leave 0 for the prediction; more would give negative weights."""
    with pytest.raises(RecipeError, match=r"stages\.operator\.losses: .*share"):
        refuse_mistakes(make_recipe(terms=SHARES))


def test_several_mistakes_are_found_at_once_and_each_only_once(make_recipe: "MakeRecipe") -> None:
    """Encoder and decoder both divide the grid into tokens."""
    recipe = make_recipe("latent.tokens=7", "operator.heads=3", "stages.operator.unroll=0")
    paths = [mistake.path for mistake in find_mistakes(recipe)]
    assert sorted(paths) == sorted(
        ["stages.operator.unroll", "stages.operator.select", "latent.tokens", "operator.heads"]
    )


def test_looking_for_mistakes_draws_nothing_from_torch_s_global_generator(make_recipe: "MakeRecipe") -> None:
    before = torch.get_rng_state()
    find_mistakes(make_recipe())
    assert torch.equal(torch.get_rng_state(), before)
