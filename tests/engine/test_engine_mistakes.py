"""Mistakes between parts, problem and stages are found before any data is made, all at once, each with its path."""

import itertools
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch
from torch import Tensor, nn

from ups_framework.engine.limits import MOST_TENSORS, TooLargeError, limited
from ups_framework.engine.mistakes import find_mistakes, mistakes_between
from ups_framework.engine.prepare import refuse_mistakes
from ups_framework.errors import RecipeError
from ups_framework.recipe import tables_of

if TYPE_CHECKING:
    from tests.engine.conftest import MakeRecipe

SHARES = {"mass": 'use = "conservation", share = 0.5', "norm": 'use = "latent_norm", share = 0.5'}


def test_a_recipe_that_can_be_built_has_none(make_recipe: "MakeRecipe") -> None:
    assert find_mistakes(make_recipe()) == []
    assert find_mistakes(make_recipe(heat=True)) == []


@pytest.mark.parametrize(
    ("setting", "mistake"),
    [
        ("operator.mlp_ratio=1e9", r"operator: too large: it would hold more than 2,147,483,648 numbers"),
        ("decoder.channels=1000000000000", r"decoder: too large: it would hold more than 2,147,483,648 numbers"),
        ("encoder.channels=4611686018427387904", r"encoder: too large: it would hold more than 2,147,483,648 numbers"),
        ("data.train=1000000000000", r"data: too large: 2\.6e\+14 numbers, of which 1e12 take 4 TB"),
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


def test_what_can_be_read_is_judged_whatever_else_is_wrong(make_recipe: "MakeRecipe") -> None:
    """Without the encoder, which also divides the grid into tokens, the decoder finds it."""
    tables = dict(tables_of(make_recipe("latent.tokens=7", "operator.heads=3", "stages.operator.unroll=0")))
    for path in ("encoder", "losses.prediction", "stages.autoencode", "evaluation", "seed"):
        del tables[path]
    paths = [mistake.path for mistake in mistakes_between(tables)]
    assert paths == ["stages.operator.unroll", "stages.operator.select", "operator.heads", "latent.tokens"]


@pytest.mark.parametrize("missing", ["data", "latent"])
def test_parts_are_not_judged_without_the_problem_or_the_latent_size_that_they_are_built_for(
    make_recipe: "MakeRecipe", missing: str
) -> None:
    tables = dict(tables_of(make_recipe("operator.heads=3", "sampler.points=33", "stages.operator.unroll=0")))
    del tables[missing]
    found = {mistake.path for mistake in mistakes_between(tables)}
    stage = {"stages.operator.unroll", "stages.operator.select"}
    assert found == stage | (set() if missing == "data" else {"sampler.points"})


@pytest.mark.parametrize(
    ("fault", "mistake"),
    [
        (
            "validator",
            r"losses\.odd\.fault: cannot be judged: ZeroDivisionError: nothing to divide by \(problems\.py",
        ),
        ("build", r"losses\.odd: tests\.engine\.problems\.Faulty: KeyError: 'advection' \(problems\.py, line \d+\)"),
        ("nothing", r"losses\.odd: tests\.engine\.problems\.Faulty: build gives NoneType, expected a function"),
    ],
)
def test_what_a_plugin_s_code_raises_or_gives_wrongly_is_a_mistake(
    make_recipe: "MakeRecipe", fault: str, mistake: str
) -> None:
    with pytest.raises(RecipeError, match=f"(?m)^{mistake}"):
        refuse_mistakes(make_recipe(terms={"odd": f"use = 'faulty', fault = '{fault}'"}))


def test_a_part_that_is_no_module_and_a_dataset_without_a_problem_are_mistakes(make_recipe: "MakeRecipe") -> None:
    recipe: Any = make_recipe()  # its parts are swapped
    wrong = attrs.evolve(recipe, encoder=recipe.metrics["nrmse"], sampler=recipe.metrics["nrmse"])
    assert "TypeError" in str(find_mistakes(wrong)[0])
    assert "expected a Sampling" in str(find_mistakes(wrong)[1])
    (mistake,) = find_mistakes(attrs.evolve(recipe, data=recipe.sampler))
    assert str(mistake).startswith("data: ups_query_sampling.uniform.Uniform: AttributeError")


def test_looking_for_mistakes_draws_nothing_from_torch_s_global_generator(make_recipe: "MakeRecipe") -> None:
    before = torch.get_rng_state()
    find_mistakes(make_recipe())
    assert torch.equal(torch.get_rng_state(), before)


def test_too_many_tensors_are_refused_before_they_are_made() -> None:
    """A depth of a billion, in a plugin that does not say what is the most."""
    layers = (nn.Linear(1, 1) for _ in range(10**9))
    made = itertools.count()
    with pytest.raises(TooLargeError, match="more than 20,000 tensors"), limited():
        nn.Sequential(*(layer for layer in layers if next(made) >= 0))
    assert next(made) == MOST_TENSORS // 2


def test_what_fits_is_built_as_ever() -> None:
    def build() -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        grid = torch.meshgrid(torch.arange(3.0), torch.linspace(0, 1, 4), indexing="ij")
        return [torch.rand(5, generator=generator), torch.randperm(4, generator=generator), *grid, torch.eye(2)]

    with limited():
        found = build()
    assert all(torch.equal(one, other) for one, other in zip(found, build(), strict=True))


def test_other_errors_than_of_size_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="negative dimension"), limited():
        torch.empty(-1)
    with pytest.raises(TypeError), limited():
        torch.zeros("a")  # type: ignore[arg-type]  # the fault that the test plants
