"""A tree of plain values in which every value knows where it came from, and how one is laid over another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from ups_framework.recipe.lines import KeyPath

DEEPEST = 20
"""How deep tables and lists may nest: far more than any recipe needs, far less than Python's recursion limit."""


@frozen
class Place:
    """Where a value stands."""

    origin: str
    """File, `profile NAME in FILE` or `--set ...`."""

    line: int = 0
    """Line of the file, from 1; 0 where there is none: `--set`, a whole file."""

    def __str__(self) -> str:
        return f"{self.origin}:{self.line}" if self.line else self.origin


@frozen
class Node:
    """A value of a recipe: a table of nodes, or anything else that TOML can write."""

    value: Any  # TOML values have no common type
    places: tuple[Place, ...]
    """One; of a merged table, that of each layer that had it."""

    lines: Mapping[KeyPath, int] = field(factory=dict)
    """Of a list: the lines of what is in it, by their paths from here."""

    @property
    def is_table(self) -> bool:
        """Whether the value is a table."""
        return isinstance(self.value, dict)

    @property
    def tables(self) -> dict[str, "Node"]:
        """The tables directly in this one, by key."""
        return {key: node for key, node in self.value.items() if node.is_table} if self.is_table else {}

    def plain(self) -> Any:
        """The value with plain dicts for tables."""
        return {key: node.plain() for key, node in self.value.items()} if self.is_table else self.value

    def origin_of(self, path: Sequence[str]) -> str:
        """Where a value came from, as `file:line`.

        For a table all that set something in it, each with its first line; for a missing key the table around it, or
        the file.
        """
        if path and self.is_table and path[0] in self.value:
            inner: Node = self.value[path[0]]
            return inner.origin_of(path[1:])
        if not path or (self.is_table and self.places[0].line):
            return ", ".join(str(place) for place in self._first_places())
        return str(evolve(self.places[0], line=self._line_inside(path)))

    def origins(self) -> set[str]:
        """The files, profiles and settings that set something in here."""
        return {place.origin for place in self._leaf_places()}

    def _line_inside(self, path: Sequence[str]) -> int:
        """The line of an item of a list, of a key in it, or of what is nearest around them."""
        parts = (tuple(path[:end]) for end in range(len(path), 0, -1))
        return next((self.lines[part] for part in parts if part in self.lines), self.places[0].line)

    def _first_places(self) -> Iterator[Place]:
        """The first place in each file that sets something in here, in the order in which they lie on one another."""
        first: dict[str, Place] = {}
        for place in self._all_places():
            if place.origin not in first or place.line < first[place.origin].line:
                first[place.origin] = place
        setting = self.origins()
        yield from (place for place in first.values() if place.origin in setting)

    def _leaf_places(self) -> Iterator[Place]:
        if not self.is_table or not self.value:
            yield self.places[0]
        else:
            for inner in self.value.values():
                yield from inner._leaf_places()

    def _all_places(self) -> Iterator[Place]:
        yield from self.places
        for inner in self.value.values() if self.is_table else ():
            yield from inner._all_places()

    def without(self, key: str) -> "Node":
        """The table less one key."""
        return evolve(self, value={name: node for name, node in self.value.items() if name != key})


def node(value: object, origin: str, lines: Mapping[KeyPath, int], path: KeyPath = ()) -> Node:
    """Plain values, all of one origin, whose keys stand on these lines."""
    places = (Place(origin, lines.get(path, 0)),)
    if isinstance(value, dict):
        return Node({key: node(inner, origin, lines, (*path, key)) for key, inner in value.items()}, places)
    inside = {key[len(path) :]: line for key, line in lines.items() if key[: len(path)] == path}
    return Node(value, places, inside if isinstance(value, list) else {})


def lay(base: Node, layer: Node) -> Node:
    """`layer` over `base`, key by key; a table that names another component replaces the base's whole."""
    if not (base.is_table and layer.is_table) or names_another(base, layer):
        return layer
    merged = dict(base.value)
    for key, over in layer.value.items():
        merged[key] = lay(merged[key], over) if key in merged else over
    return Node(merged, (*base.places, *layer.places))


def names_another(base: Node, layer: Node) -> bool:
    """Whether both tables have a `use`, and not the same. `x` and `plugin:x` are taken to be the same."""
    if "use" not in base.value or "use" not in layer.value:
        return False
    old, new = base.value["use"].plain(), layer.value["use"].plain()
    if not isinstance(old, str) or not isinstance(new, str) or (":" in old and ":" in new):
        return bool(old != new)
    return old.rpartition(":")[2] != new.rpartition(":")[2]


def depth(value: object) -> int:
    """How deep tables and lists nest; counted level by level, for any depth."""
    depth, level = 0, [value]
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
    return depth


def _inside(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
