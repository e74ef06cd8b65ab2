"""A tree of plain values in which every value knows where it came from, and how one is laid over another."""

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

DEEPEST = 20
"""How deep tables may nest: far more than any recipe needs, far less than Python's recursion limit."""


@frozen
class Node:
    """A value of a recipe: a table of nodes, or anything else that TOML can write."""

    value: Any  # TOML values have no common type
    origin: str
    """File, `profile NAME in FILE` or `--set ...`; of a merged table, the first layer that had it."""

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
        """Where a value came from: for a table all that set something in it, for a missing key the table around it."""
        if not path:
            return ", ".join(dict.fromkeys(self._origins()))
        if not self.is_table or path[0] not in self.value:
            return self.origin
        inner: Node = self.value[path[0]]
        return inner.origin_of(path[1:])

    def _origins(self) -> Iterator[str]:
        if not self.is_table or not self.value:
            yield self.origin
        else:
            for inner in self.value.values():
                yield from inner._origins()

    def without(self, key: str) -> "Node":
        """The table less one key."""
        return evolve(self, value={name: node for name, node in self.value.items() if name != key})


def node(value: object, origin: str) -> Node:
    """Plain values, all of one origin."""
    if isinstance(value, dict):
        return Node({key: node(inner, origin) for key, inner in value.items()}, origin)
    return Node(value, origin)


def lay(base: Node, layer: Node) -> Node:
    """`layer` over `base`, key by key; a table that names another component replaces the base's whole."""
    if not (base.is_table and layer.is_table) or names_another(base, layer):
        return layer
    merged = dict(base.value)
    for key, over in layer.value.items():
        merged[key] = lay(merged[key], over) if key in merged else over
    return Node(merged, base.origin)


def names_another(base: Node, layer: Node) -> bool:
    """Whether both tables have a `use`, and not the same. `x` and `plugin:x` are taken to be the same."""
    if "use" not in base.value or "use" not in layer.value:
        return False
    old, new = base.value["use"].plain(), layer.value["use"].plain()
    if not isinstance(old, str) or not isinstance(new, str) or (":" in old and ":" in new):
        return bool(old != new)
    return old.rpartition(":")[2] != new.rpartition(":")[2]


def depth(value: object) -> int:
    """How deep tables nest; counted level by level, for any depth."""
    depth, level = 0, [value]
    while level := [inner for table in level if isinstance(table, dict) for inner in table.values()]:
        depth += 1
    return depth
