"""Two resolved recipes are told apart key by key, and by nothing else."""

from typing import Any

import pytest

from ups_framework.recipe.difference import differences, leaves

A: dict[str, Any] = {
    "seed": 0,
    "operator": {"use": "p:stack", "depth": 2, "bias": {"kind": "none"}},
    "stages": {"warm": {"steps": 1}, "all": {"steps": 2}},
}


def _found(b: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(".".join(item.path), item.a, item.b) for item in differences(A, b)]


def test_equal_recipes_do_not_differ() -> None:
    assert _found({**A}) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"seed": 1}, [("seed", 0, 1)]),
        ({"operator": {**A["operator"], "bias": {"kind": "x"}}}, [("operator.bias.kind", "none", "x")]),
        (
            {"operator": {"use": "p:modes", "modes": 3, "names": {}}},
            [
                ("operator.use", "p:stack", "p:modes"),
                ("operator.depth", 2, None),
                ("operator.modes", None, 3),
                ("operator.names", None, {}),
                ("operator.bias.kind", "none", None),
            ],
        ),
        ({"stages": {**A["stages"], "last": {"steps": 3}}}, [("stages.last.steps", None, 3)]),
        ({"stages": {"all": {"steps": 2}, "warm": {"steps": 1}}}, [("stages", ["warm", "all"], ["all", "warm"])]),
        ({"stages": {"new": {"steps": 3}, **A["stages"]}}, [("stages.new.steps", None, 3)]),
    ],
)
def test_what_differs_is_found_and_nothing_else(change: dict[str, Any], found: list[tuple[str, Any, Any]]) -> None:
    mine = [item for item in _found({**A, **change}) if item[0].startswith(next(iter(change)))]
    assert sorted(mine, key=str) == sorted(found, key=str)
    assert len(_found({**A, **change})) == len(found)


def test_keys_of_one_table_stand_together_and_before_those_of_tables_inside() -> None:
    changed = {**A, "operator": {"bias": {"kind": "x"}, "use": "p:stack", "depth": 3, "heads": 4}}
    assert [item.table for item in differences(A, changed)] == [("operator",), ("operator",), ("operator", "bias")]


def test_leaves_are_all_values_that_are_no_tables() -> None:
    assert dict(leaves({"a": {"b": 1, "c": {}}, "d": [1]})) == {("a", "b"): 1, ("a", "c"): {}, ("d",): [1]}
