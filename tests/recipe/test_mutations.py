"""Valid recipes changed at random: what is wrong is refused in words, and what is accepted says what the run will do.

`UPS_MUTATIONS=20000 pytest tests/recipe/test_mutations.py` looks longer.
"""

import copy
import datetime
import math
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from ups_framework.cli.loading import load
from ups_framework.errors import RecipeError
from ups_framework.plugins import KINDS, Registry, load_plugins
from ups_framework.recipe import LoadedRecipe, as_dict, load_recipe

Plain = Any  # any tree of plain values
Change = Callable[[st.DataObject, dict[str, Plain]], None]

RECIPES = Path(__file__).parents[2] / "recipes"
EXAMPLES = int(os.environ.get("UPS_MUTATIONS", "1500"))
SMALL = ["latent.width=8", "operator.width=16", "operator.depth=2", "operator.heads=2", "encoder.channels=4"]
SMALL += ["decoder.channels=8", "decoder.heads=2"]
SCALARS: list[Plain] = [-1, 0, 1, 2, 3, 7, 64, 10**9, 10**12, 2**62, 2**63 - 1, 2**64, 10**400]
SCALARS += [-1.0, -0.0, 0.5, 1.0, 1e-300, 1e-9, 1e300, math.nan, math.inf, True, False]
SCALARS += ["", "nan", "-inf", "0", "true", "a.b", "é\n\"'", "u", "vorticity", "mass", "\0", "../x", "burgers:burgers"]
SCALARS += [datetime.date(2020, 1, 1), datetime.time(7), datetime.datetime(2020, 1, 1, 7)]
JUNK: list[Plain] = [{}, [], [[]], [{}], {"use": "grid"}, {"a": {"b": 1}}, [{"use": "relative_l2"}], [1, "a", 2.5]]
JUNK += [{"use": "transformer_stack", "depth": 1}, {"": 0}, {"a b": {"use": "nrmse"}}, {"u": 1.0}, ["u", "u"]]


@cache
def _registry() -> Registry:
    return load_plugins()


@cache
def _valid() -> tuple[dict[str, Plain], ...]:
    """Shipped recipes for the CPU, in small: as they are written, and with every default."""
    names = ("navier_stokes_decaying", "burgers_phase4", "burgers_physics")
    loaded = [load_recipe(RECIPES / f"{name}.toml", registry=_registry(), settings=SMALL, gpu=False) for name in names]
    return (*(each.source.plain() for each in loaded), *(as_dict(each.recipe, _registry()) for each in loaded))


def _containers(value: Plain) -> Iterator[Plain]:
    """Every table and every list that is not empty."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def _tables(recipe: dict[str, Plain]) -> list[dict[str, Plain]]:
    return [each for each in _containers(recipe) if isinstance(each, dict)]


@cache
def _keys() -> list[str]:
    """Keys that mean something somewhere, and some that mean nothing."""
    known = {key for recipe in _valid() for table in _tables(recipe) for key in table}
    return sorted(known | {"profile", "extends", "cpu", "share", "ramp", "points", "a.b", "", "x y", "ü"})


@cache
def _components() -> list[str]:
    found = [item for kind in KINDS for item in _registry().components(kind)]
    return sorted({name for item in found for name in (item.name, item.qualified)} | {"classical", "gone:x", ""})


def _place(data: st.DataObject, recipe: dict[str, Plain]) -> tuple[Plain, Plain]:
    """A table or list of the recipe, and one of its keys or indices."""
    container = data.draw(st.sampled_from(list(_containers(recipe))))
    return container, data.draw(
        st.sampled_from(list(container) if isinstance(container, dict) else range(len(container)))
    )


def _rename(data: st.DataObject, recipe: dict[str, Plain]) -> None:
    table = data.draw(st.sampled_from(_tables(recipe)))
    value = table.pop(data.draw(st.sampled_from(list(table))))
    table[data.draw(st.sampled_from(_keys()))] = value


def _replace(data: st.DataObject, recipe: dict[str, Plain]) -> None:
    container, key = _place(data, recipe)
    container[key] = copy.deepcopy(data.draw(st.sampled_from([*SCALARS, *JUNK])))


def _vary(data: st.DataObject, recipe: dict[str, Plain]) -> None:
    """Another value of the same type."""
    container, key = _place(data, recipe)
    value = container[key]
    same = [other for other in SCALARS if type(other) is type(value)]
    if type(value) in (int, float):
        same += [value * 2, value + 1, -value, value // 2 if type(value) is int else value / 2] * 3
    container[key] = data.draw(st.sampled_from(same)) if same else value


def _delete(data: st.DataObject, recipe: dict[str, Plain]) -> None:
    container, key = _place(data, recipe)
    del container[key]


def _move(data: st.DataObject, recipe: dict[str, Plain]) -> None:
    table = data.draw(st.sampled_from(_tables(recipe)))
    key = data.draw(st.sampled_from(list(table)))
    value = table.pop(key)
    data.draw(st.sampled_from([*_tables(recipe), recipe]))[key] = value


def _swap(data: st.DataObject, recipe: dict[str, Plain]) -> None:
    """Another component of the same kind or another one, with the old one's parameters or without."""
    table = data.draw(st.sampled_from([each for each in _tables(recipe) if "use" in each] or [recipe]))
    if data.draw(st.booleans()):
        table.clear()
    table["use"] = data.draw(st.sampled_from(_components()))


def _repeat(data: st.DataObject, recipe: dict[str, Plain]) -> None:
    """Items of a list once more, or in another order."""
    lists = [each for each in _containers(recipe) if isinstance(each, list)]
    if lists:
        items = data.draw(st.sampled_from(lists))
        items[:] = data.draw(st.sampled_from([[*items, items[0]], items[::-1], items * 3]))


def _insert(data: st.DataObject, recipe: dict[str, Plain]) -> None:
    table = data.draw(st.sampled_from([*_tables(recipe), recipe]))
    table[data.draw(st.sampled_from(_keys()))] = copy.deepcopy(data.draw(st.sampled_from([*JUNK, *SCALARS])))


CHANGES: tuple[Change, ...] = (_rename, _replace, _vary, _delete, _move, _swap, _repeat, _insert)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutations") / "changed.toml"


@settings(
    max_examples=EXAMPLES,
    derandomize="UPS_MUTATIONS" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_a_changed_recipe_is_refused_in_words_or_does_what_it_says(file: Path, data: st.DataObject) -> None:
    recipe = copy.deepcopy(data.draw(st.sampled_from(_valid())))
    for change in data.draw(st.lists(st.sampled_from([*CHANGES, _vary, _vary]), min_size=1, max_size=3)):
        change(data, recipe)
    text = tomli_w.dumps(recipe)
    note(text)
    file.write_text(text, encoding="utf-8")
    try:
        loaded = load(file, _registry(), (), None)
    except RecipeError as error:
        _assert_kind(error, len(text.splitlines()))
    else:
        assert list(_unheard(loaded.source.plain(), as_dict(loaded.recipe, _registry()))) == []
        assert _again(loaded, file).recipe == loaded.recipe


def _assert_kind(error: RecipeError, num_lines: int) -> None:
    """Each mistake says where and what, in words and in one line, with a line that the file has."""
    assert error.mistakes
    for mistake in error.mistakes:
        assert mistake.path
        assert mistake.problem
        assert str(mistake).isprintable()
        assert "Error" not in mistake.problem
        line = mistake.source.rpartition(":")[2]
        assert not line.isdigit() or 1 <= int(line) <= num_lines


def _unheard(said: Plain, resolved: Plain, path: str = "") -> Iterator[str]:
    """What a recipe says and the resolved one does not."""
    if isinstance(said, dict):
        missing = [key for key in said if not isinstance(resolved, dict) or key not in resolved]
        yield from (f"{path}.{key}" for key in missing)
        for key in said.keys() - set(missing):
            yield from _unheard(said[key], resolved[key], f"{path}.{key}")
    elif isinstance(said, list) and isinstance(resolved, list) and len(said) == len(resolved):
        for index, (one, other) in enumerate(zip(said, resolved, strict=True)):
            yield from _unheard(one, other, f"{path}.{index}")
    elif path.endswith(".use"):
        kinds = [kind for kind in KINDS if _knows(kind, said)]
        if resolved not in [_registry().find(kind, said).qualified for kind in kinds]:
            yield path
    elif (float(said) if type(resolved) is float else said) != resolved:
        yield path


def _knows(kind: str, name: str) -> bool:
    return name.rpartition(":")[2] in {"classical", *(item.name for item in _registry().components(kind))}


def _again(loaded: LoadedRecipe, file: Path) -> LoadedRecipe:
    """The resolved recipe, as `ups run` would read it from the run's folder."""
    file.write_text(tomli_w.dumps(as_dict(loaded.recipe, _registry())), encoding="utf-8")
    return load_recipe(file, registry=_registry(), profile="none", gpu=False)
