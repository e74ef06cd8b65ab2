"""`ups describe` tells a recipe's author everything that the class itself says."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch
from attrs import field, frozen
from click.testing import CliRunner
from torch import nn

from ups_framework.api import LatentSize, LossTerm, Operator, Problem, Sampler, Sampling, Term
from ups_framework.cli import group
from ups_framework.cli.snippet import snippet
from ups_framework.engine.mistakes import find_mistakes
from ups_framework.plugins import KINDS, Component, Registry, load_plugins
from ups_framework.recipe import Recipe, from_plain, load_recipe
from ups_framework.spec_docs import docstring, field_docs, first_line, place

ROOT = Path(__file__).parents[2]
SUITABLE = (
    *("burgers_phase3", "burgers_physics", "navier_stokes_decaying", "navier_stokes_forced"),
    *("peers/burgers_resnet", "peers/apebench_resnet", "peers/fno_burgers_resnet"),
)


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
class Plain(LossTerm):
    """Nothing."""

    def build(self, problem: Problem) -> Term:
        return lambda step: step.truth.mean()


@frozen(kw_only=True)
class Guided(LossTerm):
    """Holds an operator."""

    operator: Operator
    """Which one."""

    def build(self, problem: Problem) -> Term:
        return lambda step: torch.zeros(())


@frozen(kw_only=True)
class Some(Sampler):
    """Some points."""

    example: ClassVar[Mapping[str, object]] = {"points": 3, "seed": 5}

    points: int | None = None
    """How many."""

    fraction: float | None = None
    """Or what part."""

    seed: int = 0
    """Which."""

    def build(self, problem: Problem) -> Sampling:
        raise NotImplementedError


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
    assert at is not None
    assert at.file == Path(__file__)
    lines = at.file.read_text().splitlines()
    assert "class Mixed" in "".join(lines[at.line - 1 : at.line + 1])


def test_a_class_that_code_made_has_no_texts_and_no_place() -> None:
    made: dict[str, Any] = {"__name__": "nowhere"}
    exec("class Made:\n    x: int = 1\n    'A number.'", made)
    spec: type = frozen(kw_only=True)(made["Made"])
    assert place(spec) is None
    assert [(doc.name, doc.text) for doc in field_docs(spec)] == [("x", "")]


def test_a_component_that_is_called_as_one_of_the_framework_s_own_is_shown_with_its_plugin() -> None:
    registry = Registry()
    ours, theirs = (
        registry.add("loss", "same", spec, plugin) for spec, plugin in ((Guided, "builtin"), (Plain, "test"))
    )
    assert (registry.short_name(ours), registry.short_name(theirs)) == ("same", "test:same")


def test_the_snippet_is_a_table_that_the_reader_takes() -> None:
    registry = Registry()
    component = registry.add("operator", "mixed", Mixed, "test")
    table = tomllib.loads(snippet(component, component.name))["operator"]
    operator = from_plain(table, Operator, registry)  # type: ignore[type-abstract]  # any spec of the kind
    assert operator == Mixed(depth=1, rates=(1.0,), kind="a")
    assert snippet(component, component.name).startswith("# to be set: depth, rates, kind\n")


def test_the_snippet_of_a_loss_names_it_in_a_stage_and_shows_where_a_component_nests() -> None:
    component = Registry().add("loss", "guided", Guided, "test")
    assert tomllib.loads(snippet(component, component.name)) == {
        "losses": {"guided": {"use": "guided", "operator": {"use": "..."}}},
        "stages": {"operator": {"losses": ["prediction", "guided"]}},
    }


def test_the_snippet_has_the_example_of_fields_without_a_default_and_no_others() -> None:
    component = Registry().add("sampler", "some", Some, "test")
    assert tomllib.loads(snippet(component, component.name)) == {"sampler": {"use": "some", "points": 3}}


def _ours() -> list[Component]:
    registry, ours = load_plugins(), {"builtin", *(folder.name for folder in (ROOT / "plugins").iterdir())}
    components = [item for kind in KINDS for item in registry.components(kind)]
    return [item for item in components if item.plugin in ours]


@pytest.mark.parametrize("component", _ours(), ids=lambda item: f"{item.kind} {item.qualified}")
def test_check_accepts_the_snippet_over_a_recipe_of_a_suitable_problem(component: Component, tmp_path: Path) -> None:
    if component.qualified == "neural_operators:fno":
        pytest.importorskip("neuralop", reason="the extra [fno] of ups-neural-operators is not installed")
    found = []
    for name in SUITABLE:
        path = tmp_path / "recipe.toml"
        path.write_text(f'extends = "{ROOT}/recipes/{name}.toml"\n{snippet(component, component.qualified)}')
        loaded = load_recipe(path, registry=load_plugins(), gpu=False)
        assert component.spec in _specs(loaded.recipe)
        found.append(find_mistakes(loaded.recipe))
    assert [] in found, found


def _specs(recipe: Recipe) -> list[type]:
    """The classes of all components of a recipe."""
    named = [*recipe.metrics.values(), *recipe.baselines.values(), *recipe.pictures.values()]
    named += [*recipe.latent_transforms.values(), *recipe.guards.values()]
    parts = [recipe.data, recipe.encoder, recipe.operator, recipe.decoder, recipe.sampler]
    return [type(spec) for spec in (*parts, *named, *(term.loss for term in recipe.losses.values()))]


def test_json_holds_what_the_text_holds() -> None:
    result = CliRunner().invoke(group, ["describe", "operator", "transformer_stack", "--json"])
    found = json.loads(result.stdout)
    component = load_plugins().find("operator", "transformer_stack")
    assert (found["kind"], found["name"], found["qualified"]) == ("operator", component.name, component.qualified)
    assert (found["plugin"], found["distribution"]) == ("builtin", "ups-framework")
    assert found["version"]
    assert found["text"] == docstring(component.spec)
    assert [field["name"] for field in found["fields"]] == [doc.name for doc in field_docs(component.spec)]
    assert found["fields"][0] == {
        "name": "depth",
        "type": "int",
        "required": False,
        "default": 4,
        "text": "Blocks; 4 to 12.",
    }
    line = Path(found["source"]["file"]).read_text(encoding="utf-8").splitlines()[found["source"]["line"]]
    assert "class TransformerStack" in line
    assert tomllib.loads(found["snippet"]) == {"operator": {"use": "transformer_stack"}}


@pytest.mark.parametrize("component", _ours(), ids=lambda item: f"{item.kind} {item.qualified}")
def test_every_component_is_described_as_json(component: Component) -> None:
    result = CliRunner().invoke(group, ["describe", component.kind, component.qualified, "--json"])
    assert json.loads(result.stdout)["qualified"] == component.qualified


def test_list_without_a_kind_lists_all_kinds() -> None:
    run = CliRunner().invoke
    found = json.loads(run(group, ["list", "--json"]).stdout)
    each = [item for kind in KINDS for item in json.loads(run(group, ["list", kind, "--json"]).stdout)]
    assert found == each
    assert {item["kind"] for item in found} <= set(KINDS)
    lines = run(group, ["list"]).stdout.splitlines()
    assert lines[0].split() == ["kind", "name", "plugin", "what", "it", "is"]
    assert len(lines) == 1 + len(found)
