"""Every key of a TOML text has the line on which it stands, however the text is written."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from ups_framework.recipe.lines import lines_of

AWKWARD = '''\
# [comment] = 1
a = "x # no comment" # [one]
b."dotted.key".'lit"eral' = { c = 1, d = [ { e = 2 }, { e = 3 } ] } # {
"esc\\u0061ped \\"quote\\"" = """
[not.a.table]
key = 1
"quoted" \\"""  ""\\"
x"""""
f = \'\'\'
g = 2 ]
'\'\'\'
1.5 = -1.5e+3
date = 1979-05-27 07:32:00
list = [ # comment ]
  "one", [ 2,

  3 ], # ,
  { h = [
    4 ] },
]
[ empty . 'inner' ]
[t]
[t.u]
[[t.v]]
w = 1
[[t.v.x]]
y = [
]
[[t.v.x]]
y = 2
[t.v.z]
z = "["
[[t.v]]
w = 2
x = []
'''
LINES = {
    "a": 2,
    "b": 3,
    "b/dotted.key": 3,
    'b/dotted.key/lit"eral/d/1/e': 3,
    'escaped "quote"': 4,
    "f": 9,
    "1/5": 12,
    "date": 13,
    "list": 14,
    "list/0": 15,
    "list/1/0": 15,
    "list/1/1": 17,
    "list/2/h": 18,
    "list/2/h/0": 19,
    "empty/inner": 21,
    "t": 22,
    "t/u": 23,
    "t/v": 24,
    "t/v/0": 24,
    "t/v/0/w": 25,
    "t/v/0/x": 26,
    "t/v/0/x/0/y": 27,
    "t/v/0/x/1": 29,
    "t/v/0/x/1/y": 30,
    "t/v/0/z/z": 32,
    "t/v/1": 33,
    "t/v/1/w": 34,
    "t/v/1/x": 35,
}

_keys = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=5) | st.sampled_from(
    ["a", "b", "a.b", "#", '"', "'", "[c]", "=", "\\", "\n"]
)
_leaves = st.integers(-9, 9) | st.booleans() | st.floats(allow_nan=False) | _keys
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3), max_leaves=12
)


def _paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # any tree of plain values
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        path = (*above, str(key))
        yield path
        if isinstance(inner, dict | list):
            yield from _paths(inner, path)


def _written(key: str) -> str:
    """How tomli_w writes a key."""
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


@pytest.mark.parametrize(("path", "line"), LINES.items())
def test_awkward_texts_have_the_right_lines(path: str, line: int) -> None:
    assert lines_of(AWKWARD)[tuple(path.split("/"))] == line


def test_every_path_of_the_awkward_text_has_a_line_and_no_other() -> None:
    assert set(lines_of(AWKWARD)) == set(_paths(tomllib.loads(AWKWARD)))
    assert lines_of(AWKWARD) == lines_of(AWKWARD.replace("\n", "\r\n"))


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.dictionaries(_keys, _values, max_size=5), st.booleans())
def test_the_line_of_a_path_contains_its_key(table: dict[str, Any], multiline: bool) -> None:
    text = tomli_w.dumps(table, multiline_strings=multiline)
    found, rows = lines_of(text), text.split("\n")
    assert set(found) == set(_paths(tomllib.loads(text)))
    for path, line in found.items():
        is_item = path not in set(_paths_of_keys(table))
        assert is_item or _written(path[-1]) in rows[line - 1]


def _paths_of_keys(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # any tree of plain values
    """The paths that end with a key, not with the number of an item."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        path = (*above, str(key))
        if isinstance(value, dict):
            yield path
        if isinstance(inner, dict | list):
            yield from _paths_of_keys(inner, path)
