"""What differs between two resolved recipes, key by key."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

Plain = Mapping[str, Any]  # TOML values have no common type


@frozen(kw_only=True)
class Difference:
    """A key that two recipes set to different values, or that only one of them has."""

    path: tuple[str, ...]
    """Where it is."""

    a: Any  # TOML values have no common type
    """Value in the first recipe; None where it has no such key."""

    b: Any  # likewise
    """Value in the second recipe; None where it has no such key."""

    @property
    def table(self) -> tuple[str, ...]:
        """The table that it stands in."""
        return self.path[:-1]


def differences(a: Plain, b: Plain) -> list[Difference]:
    """All of them, table by table; `a` and `b` are recipes as `as_dict` gives them.

    Stages run in the order in which they stand: another order of the same stages is a difference of the key `stages`.
    """
    order = [[name for name in recipe["stages"] if name in a["stages"] and name in b["stages"]] for recipe in (a, b)]
    moved = [Difference(path=("stages",), a=order[0], b=order[1])] if order[0] != order[1] else []
    return moved + list(_differences(a, b, ()))


def leaves(table: Plain, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Path and value of everything that is no table; an empty table is a value too."""
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _differences(a: Plain, b: Plain, path: tuple[str, ...]) -> Iterator[Difference]:
    inner = []
    for key in dict.fromkeys((*a, *b)):
        left, right, here = a.get(key), b.get(key), (*path, key)
        if isinstance(left, dict) and isinstance(right, dict):
            inner.append(_differences(left, right, here))
        elif isinstance(left, dict) and right is None:
            inner.append(Difference(path=at, a=value, b=None) for at, value in leaves({key: left}, path))
        elif isinstance(right, dict) and left is None:
            inner.append(Difference(path=at, a=None, b=value) for at, value in leaves({key: right}, path))
        elif left != right:
            yield Difference(path=here, a=left, b=right)
    for differences_inside in inner:  # after the table's own keys, as TOML writes them
        yield from differences_inside
