"""Every mistake of a recipe is found, all at once, each with its path, what was expected and where it came from."""

from collections.abc import Callable

import pytest

from ups_framework.errors import Mistake, RecipeError
from ups_framework.plugins import Registry
from ups_framework.recipe import Tables, load_recipe

Write = Callable[..., str]
WRONG = [
    ("operator.depth=3.7", "operator.depth: expected a whole number, found 3.7"),
    ("operator.depth=true", "operator.depth: expected a whole number, found true"),
    ("operator.depth='12'", 'operator.depth: expected a whole number, found "12"'),
    ("operator.depth=0", "operator.depth: must be >= 1: 0"),
    ("operator.heads=17", "operator.heads: must be at most 8 times depth: 17"),
    ("operator.drop=nan", "operator.drop: expected a number, found nan"),
    ("operator.drop=inf", "operator.drop: expected a number, found inf"),
    ("operator.causal=1", "operator.causal: expected true or false, found 1"),
    ("operator.causal='false'", 'operator.causal: expected true or false, found "false"'),
    ("operator.widht=3", "operator.widht: unknown key; known keys are attention, bias, causal, depth, drop, heads"),
    ("losses.drift.usee=mse", "losses.drift.usee: unknown key (did you mean 'use'?)"),
    ("losses.fit.sigma=3", "losses.fit.sigma: unknown key; known keys are ramp, share, use, weight"),
    ("operator.dept=3", "operator.dept: unknown key (did you mean 'depth'?)"),
    ("operator.attention=seperated", "found \"seperated\" (did you mean 'separated'?)"),
    ("operator.bias.scales=[1]", "operator.bias.scales: expected 2 values, found 1"),
    ("operator.bias.scales=[1, 'a']", 'operator.bias.scales.1: expected a number, found "a"'),
    ("operator.bias.kin=1", "operator.bias.kin: unknown key (did you mean 'kind'?)"),
    ("operator.bias=3", "operator.bias: expected a table, found 3"),
    ("operator=stack", "operator: expected a table whose 'use' names the operator, found \"stack\""),
    ("operator.use=stak", "operator.use: no operator called 'stak' (did you mean 'stack'?)"),
    ("operator.use=small:stak", "operator.use: no operator called 'small:stak' (did you mean 'small:stack'"),
    ("operator.use=3", "operator.use: expected a text in quotes, found 3"),
    (
        "operator={use='repeated', inner={depth=3}}",
        "operator.inner.use: missing: it names the operator; `ups list operator` shows them",
    ),
    ("operator={use='repeated', inner={use='stack'}}", "operator.inner.depth: missing: expected a whole number"),
    ("decoder.bound.u=high", 'decoder.bound.u: expected a number, found "high"'),
    ("decoder.bound=[1]", "decoder.bound: expected a table, found a list"),
    ("losses.drift.share=2", "losses.drift.share: must be < 1.0: 2.0"),
    ("losses.drift.weight=1", "losses.drift: a term has either 'weight' or 'share', not both"),
    ("losses.drift.wieght=1", "losses.drift.wieght: unknown key (did you mean 'weight'?)"),
    ("losses.drift.order=3", "losses.drift.order: expected one of 2, 4, found 3"),
    ("losses.drift=1", "losses.drift: expected a table whose 'use' names the loss, found 1"),
    ("losses.extra.use=mse", "losses.extra: no stage uses it, so it changes nothing"),
    ("stages.warm.losses=['fti']", "stages.warm.losses: there is no [losses.fti] (did you mean 'fit'?)"),
    ("stages.warm.losses=['fit', 'fit']", "stages.warm.losses: 'fit' is named more than once"),
    ("stages.warm.losses=[]", "stages.warm.losses: its length must be >= 1: 0"),
    ("stages.warm.losses=fit", 'stages.warm.losses: expected a list of a text in quotes, found "fit"'),
    ("stages.warm.trains=['decodr']", "(did you mean 'decoder'"),
    ("stages.warm.when=2020-01-01", "stages.warm.when: unknown key"),
    ("stages.warm.steps=2020-01-01", "stages.warm.steps: expected a whole number, found 2020-01-01"),
    ("metrics.'a b'.use=rmse", "metrics.a b: a name has only letters"),
    ("stages.warm.curriculum=1.0", "stages.warm.curriculum: must be < 1.0: 1.0"),
    ("metrics.nrmse.use=rmse", "metrics.nrmse.use: 'rmse' would be judged by and shown as nRMSE: say 'nrmse' here"),
    ("training.batch=-1", "training.batch: must be >= 1: -1"),
    ("optimizer.learning_rate=1" + "0" * 400, "optimizer.learning_rate: expected a number, found one too large"),
    ("seed=99999999999999999999", "seed: expected a whole number of at most 64 bits"),
    ('data_folder="a\\u0000b"', "data_folder: expected a text without null characters"),
    ("optimizer.betas=[0.9, 1.0]", "optimizer.betas: must be < 1.0: 1.0"),
    ("evaluation.super_resolution=[1, 0]", "evaluation.super_resolution: must be >= 1: 0"),
    ("sede=3", "sede: unknown key (did you mean 'seed'?)"),
]


@pytest.mark.parametrize(("setting", "message"), WRONG)
def test_a_mistake_says_where_what_and_what_was_expected(
    write: Write, registry: Registry, setting: str, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(), registry=registry, settings=[setting], gpu=True)
    assert message in str(caught.value)
    assert all(mistake.source.endswith(f"--set {setting}") for mistake in caught.value.mistakes)


def test_all_mistakes_come_at_once_with_their_files(write: Write, registry: Registry) -> None:
    write()
    child = (
        "extends = 'wave.toml'\n[operator]\ndepth = 0\nhaeds = 3\ndrop = 2.0\ncausal = 1\n[stages.all]\nsteps = -1\n"
    )
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(child, "child.toml"), registry=registry, settings=["losses.drift.ramp=2"], gpu=True)
    assert {(mistake.path, mistake.source) for mistake in caught.value.mistakes} == {
        ("operator.depth", "child.toml:3"),
        ("operator.haeds", "child.toml:4"),
        ("operator.drop", "child.toml:5"),
        ("operator.causal", "child.toml:6"),
        ("stages.all.steps", "child.toml:8"),
        ("losses.drift.ramp", "--set losses.drift.ramp=2"),
    }


NESTED = """extends = 'wave.toml'
[operator]
use = 'repeated'
inner = { use = 'stack',  depth = 0 }

[[operator.others]]
use = 'stack'
depth = 1

[[operator.others]]
use = 'stak'
[decoder]
bound.u = [
  1]
[stages.all]
losses = [
  'fit',
  3,
]
"""


def test_mistakes_between_tables_are_found_beside_those_inside_of_them(write: Write, registry: Registry) -> None:
    """Every table is judged that has no mistake of its own, and each finding has its line."""
    seen: set[str] = set()

    def judge(tables: Tables) -> list[Mistake]:
        seen.update(tables)
        return [Mistake(path="latent.tokens", problem=f"{tables['latent'].tokens} do not divide the grid")]

    settings = ["operator.depth=high", "losses.drift.share=2", "latent.tokens=7"]
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(), registry=registry, settings=settings, gpu=False, judge=judge)
    assert [mistake.path for mistake in caught.value.mistakes] == [
        "operator.depth",
        "losses.drift.share",
        "latent.tokens",
    ]
    assert str(caught.value.mistakes[-1]) == "latent.tokens: 7 do not divide the grid  [--set latent.tokens=7]"
    assert {"data", "latent", "encoder", "losses.fit", "stages.warm", "evaluation", "metrics.nrmse"} <= seen
    assert not {"operator", "losses.drift", "losses"} & seen


def test_a_recipe_without_nrmse_cannot_choose_its_checkpoints(
    write: Write, registry: Registry, recipe_text: str
) -> None:
    path = write(recipe_text.replace("[metrics.nrmse]", "[metrics.error]"))
    with pytest.raises(RecipeError, match=r"metrics\.nrmse: missing"):
        load_recipe(path, registry=registry, gpu=False)


def test_a_stage_without_losses_is_one_mistake(write: Write, registry: Registry) -> None:
    with pytest.raises(RecipeError) as found:
        load_recipe(write(), registry=registry, settings=["stages.all.losses=[]"], gpu=False)
    assert [str(mistake.path) for mistake in found.value.mistakes] == ["stages.all.losses"]


def test_a_mistake_deep_inside_has_its_own_line(write: Write, registry: Registry) -> None:
    write()
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(NESTED, "child.toml"), registry=registry, gpu=True)
    assert {(mistake.path, mistake.source) for mistake in caught.value.mistakes} == {
        ("operator.inner.depth", "child.toml:4"),
        ("operator.others.1.use", "child.toml:11"),
        ("decoder.bound.u", "child.toml:13"),
        ("stages.all.losses.1", "child.toml:18"),
    }


def test_a_missing_key_has_the_line_of_its_table(write: Write, registry: Registry, recipe_text: str) -> None:
    text = recipe_text.replace("points = 5\n", "")
    with pytest.raises(RecipeError, match=r"sampler\.points: missing: expected a whole number  \[wave\.toml:21\]"):
        load_recipe(write(text), registry=registry, gpu=True)


def test_a_wrong_term_does_not_hide_its_wrong_weight_nor_the_stage_that_names_another(
    write: Write, registry: Registry
) -> None:
    settings = ["losses.drift.use=dirft", "losses.drift.share=7", "stages.all.losses=['fit', 'drfit']"]
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(), registry=registry, settings=settings, gpu=True)
    paths = {mistake.path for mistake in caught.value.mistakes}
    assert paths == {"losses.drift.use", "losses.drift.share", "stages.all.losses"}


def test_a_misspelt_name_in_a_stage_is_compared_with_all_losses_of_the_base(write: Write, registry: Registry) -> None:
    """And no loss is called unused for it."""
    path = write('extends = "base.toml"\n[stages.all]\nlosses = ["fit", "drfit"]\n')
    write(name="base.toml")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, registry=registry, gpu=True)
    (mistake,) = caught.value.mistakes
    assert (mistake.path, "did you mean 'drift'" in mistake.problem) == ("stages.all.losses", True)


def test_a_misspelt_loss_table_is_compared_with_the_names_in_stages(write: Write, registry: Registry) -> None:
    settings = ["losses.drfit={use = 'drift', order = 4}"]
    with pytest.raises(RecipeError, match=r"losses\.drfit: no stage uses it \(did you mean 'drift'"):
        load_recipe(write(), registry=registry, settings=settings, gpu=True)


def test_missing_tables_are_named_with_the_file_that_lacks_them(write: Write, registry: Registry) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write("[data]\nuse = 'waves'\n"), registry=registry, gpu=True)
    messages = [str(mistake) for mistake in caught.value.mistakes]
    assert "latent: missing: expected a table  [wave.toml]" in messages
    assert {mistake.path for mistake in caught.value.mistakes} == {
        *("latent", "encoder", "operator", "decoder", "sampler", "losses", "stages", "metrics", "baselines")
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[data]\nuse = \n", "line 2, column 7"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "wave.toml: "),
        (b".".join([b"a"] * 3000) + b" = 1", "nested more than 20 deep"),
        (b"a = 1" + b"0" * 5000, "wave.toml: "),
        (b"extends = 3", "'extends' must be one file name in quotes"),
        (b'extends = "a\\u0000b"', "wave.toml: 'extends' must be one file name"),
        (b"profile = 3", "profile: expected a table"),
        (b"profile.cpu = 3", "profile.cpu: expected a table"),
        (b"", "data: missing"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_in_words(
    write: Write, registry: Registry, tmp_path: object, content: bytes, message: str
) -> None:
    name = write("")
    with open(name, "wb") as file:
        file.write(content)
    with pytest.raises(RecipeError) as caught:
        load_recipe(name, registry=registry, gpu=True)
    assert message in str(caught.value)


def test_a_stage_of_no_steps_is_no_mistake_and_uses_its_losses(write: Write, registry: Registry) -> None:
    loaded = load_recipe(write(), registry=registry, settings=["stages.all.steps=0"], gpu=True)
    assert loaded.recipe.stages["all"].steps == 0
