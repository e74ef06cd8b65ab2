"""`ups describe` tells a recipe's author everything that the class itself says."""

import tomllib
from pathlib import Path
from typing import Literal

import torch
from attrs import field, frozen
from torch import nn

from ups_framework.api import LatentSize, LossTerm, Operator, Problem, Term
from ups_framework.cli.describe import snippet
from ups_framework.plugins import Registry
from ups_framework.recipe import from_plain
from ups_framework.spec_docs import docstring, field_docs, first_line, place


@frozen(kw_only=True)
class Mixed(Operator):
    """Mixes things.

    Formula: z + f(z).
    """

    depth: int
    """Layers,
    one after another."""

    rates: tuple[float, ...]
    """One a layer."""

    kind: Literal["a", "b"]
    """Which."""

    limit: float | None = None
    """Largest, if any."""

    names: dict[str, float] = field(factory=dict)
    """By name."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return nn.Identity()


@frozen(kw_only=True)
class Guided(LossTerm):
    """Holds an operator."""

    operator: Operator
    """Which one."""

    def build(self, problem: Problem) -> Term:
        return lambda step: torch.zeros(())


def test_the_texts_under_the_fields_are_read_from_the_source() -> None:
    assert [(doc.name, doc.type, doc.required, doc.default, doc.text) for doc in field_docs(Mixed)] == [
        ("depth", "int", True, None, "Layers, one after another."),
        ("rates", "tuple[float, ...]", True, None, "One a layer."),
        ("kind", "Literal['a', 'b']", True, None, "Which."),
        ("limit", "float | None", False, None, "Largest, if any."),
        ("names", "dict[str, float]", False, {}, "By name."),
    ]
    assert first_line(Mixed) == "Mixes things."
    assert docstring(Mixed).endswith("\nFormula: z + f(z).")


def test_the_place_is_the_file_and_line_of_the_class() -> None:
    at = place(Mixed)
    assert at.file == Path(__file__)
    lines = at.file.read_text().splitlines()
    assert "class Mixed" in "".join(lines[at.line - 1 : at.line + 1])


def test_the_snippet_is_a_table_that_the_reader_takes() -> None:
    registry = Registry()
    component = registry.add("operator", "mixed", Mixed, "test")
    table = tomllib.loads(snippet(component))["operator"]
    operator = from_plain(table, Operator, registry)  # type: ignore[type-abstract]  # any spec of the kind
    assert operator == Mixed(depth=1, rates=(1.0,), kind="a")
    assert snippet(component).startswith("# to be set: depth, rates, kind\n")


def test_the_snippet_of_a_loss_is_a_named_table_and_shows_where_a_component_nests() -> None:
    component = Registry().add("loss", "guided", Guided, "test")
    assert tomllib.loads(snippet(component)) == {"losses": {"NAME": {"use": "guided", "operator": {"use": "..."}}}}
