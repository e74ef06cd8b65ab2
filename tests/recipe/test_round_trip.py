"""A dumped recipe reads back to an equal one, and no text whatever makes the reader fall over."""

import copy
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from ups_framework.api import Axis, Field, Grid, Parameter, Problem, Quantity
from ups_framework.errors import Mistake, RecipeError
from ups_framework.plugins import Registry
from ups_framework.recipe import as_dict, dump_recipe, from_plain, load_recipe, to_plain
from ups_framework.recipe.node import node
from ups_framework.recipe.settings import read_settings
from ups_framework.recipe.structure import structure

Write = Callable[..., str]
_SCALARS = st.one_of(
    st.none().map(lambda _: {}),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["stack", "small:stack", "spectral", "fit", "encoder", "mse"]),
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
)


def _tables(table: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [found for value in table.values() if isinstance(value, dict) for found in _tables(value)]
    return [table, *inner]


@pytest.fixture(scope="session")
def plain(recipe_text: str) -> dict[str, Any]:
    """A valid recipe as plain tables."""
    return tomllib.loads(recipe_text)


@pytest.mark.parametrize(
    "setting",
    [
        "seed=1",
        "operator={use='repeated', inner={use='stack', depth=1}, others=[{use='spectral', modes=2}]}",
        "operator={use='repeated', inner={use='stack', depth=1}, after={use='spectral', modes=2}}",
        "decoder.bound={u=1, 'odd name'=1e300}",
        "losses.drift.limit=3",
        "optimizer.clip=1",
        "training.patience=3",
        "description='Quotes \" and ü'",
    ],
)
def test_a_dumped_recipe_loads_again_to_an_equal_one(write: Write, registry: Registry, setting: str) -> None:
    first = load_recipe(write(), registry=registry, settings=[setting], gpu=True).recipe
    text = dump_recipe(first, registry)
    again = load_recipe(write(text, "runs/one/recipe.toml"), registry=registry, gpu=False)
    assert again.recipe == first
    assert dump_recipe(again.recipe, registry) == text
    assert list(again.recipe.stages) == ["warm", "all"]


def test_a_dumped_recipe_has_qualified_names_and_every_default(write: Write, registry: Registry) -> None:
    recipe = load_recipe(write(), registry=registry, gpu=True).recipe
    plain = as_dict(recipe, registry)
    assert plain["losses"]["drift"] == {"use": "small:drift", "share": 0.05, "ramp": 0.0, "order": 4}
    assert plain["operator"]["bias"] == {"kind": "none", "scales": [1.0, 2.0]}
    assert tomllib.loads(dump_recipe(recipe, registry)) == plain


def test_a_problem_is_written_plainly_and_read_back(registry: Registry) -> None:
    problem = Problem(
        name="waves",
        fields=(Field(name="u", unit="m/s", components=2),),
        grid=Grid(axes=(Axis(name="x", boundary="dirichlet"),), shape=(4,), offset=(0.5,)),
        dt=0.1,
        parameters=(Parameter(name="nu", low=0.1, high=1.0, scale="log"),),
        conserved=(Quantity(name="mass", field="u"),),
    )
    assert from_plain(to_plain(problem, registry), Problem, registry) == problem


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_recipe_changed_at_random_is_read_or_refused_in_words(
    plain: dict[str, Any], registry: Registry, data: st.DataObject
) -> None:
    recipe = copy.deepcopy(plain)
    for _ in range(data.draw(st.integers(1, 4))):
        table = data.draw(st.sampled_from(_tables(recipe)))
        key = data.draw(st.sampled_from([*table, "use", "weight", "losses", "new"]) | st.text(max_size=4))
        if key in table and data.draw(st.booleans()):
            del table[key]
        else:
            table[key] = data.draw(_VALUES)
    _read_or_refuse(recipe, registry)


def _read_or_refuse(recipe: dict[str, Any], registry: Registry) -> None:
    """What is accepted can be saved and read again; what is not has a path and a reason."""
    mistakes: Sequence[Mistake] = ()
    result = None
    try:
        result = structure(node(tomllib.loads(tomli_w.dumps(recipe)), "test", {}), registry)
    except RecipeError as error:
        mistakes = error.mistakes
    if result is not None:
        assert structure(node(tomllib.loads(dump_recipe(result, registry)), "again", {}), registry) == result
    else:
        assert mistakes
        assert all(mistake.path and mistake.problem for mistake in mistakes)


@settings(max_examples=200, deadline=None)
@given(content=st.binary() | st.text().map(str.encode) | st.text("abc.=[]{}\"'\n #10,", max_size=40).map(str.encode))
def test_any_file_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, registry: Registry, content: bytes
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError):
        load_recipe(path, registry=registry, gpu=True)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=20) | st.text("ab.=[]{}\"'\n #1,", max_size=12))
def test_any_setting_is_one_value_or_refused_in_words(text: str) -> None:
    refused, values = "", {}
    try:
        values = read_settings([text]).value
    except RecipeError as error:
        refused = str(error)
    assert values or refused.startswith("--set")
