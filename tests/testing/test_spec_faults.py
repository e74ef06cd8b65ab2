"""Faults of specs and of shipped recipes are found: rules, texts, examples, and components that suit no problem."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from attrs import field, frozen, mutable
from torch import Tensor

from ups_framework.api import Baseline, Forecast, Grid, Problem, SpecError
from ups_framework.builtin.baselines import Persistence
from ups_framework.errors import PluginError
from ups_framework.plugins import Registry, load_plugins
from ups_framework.registry import Component, PluginInfo, RecipeFile
from ups_framework.testing import examine_plugin, recipe_checks, spec_checks
from ups_framework.testing.checks import outcome


@mutable
class Mutable(Baseline):
    """u(t) = u(0) of Laplace (1805)."""

    def build(self, problem: Problem) -> Forecast:
        return Persistence().build(problem)


@frozen(kw_only=True)
class Undocumented(Baseline):
    """u(t) = u(0)."""

    size: int = 1

    def build(self, problem: Problem) -> Forecast:
        return Persistence().build(problem)


@frozen(kw_only=True)
class Vague(Baseline):
    """A good baseline."""

    def build(self, problem: Problem) -> Forecast:
        return Persistence().build(problem)


@frozen(kw_only=True)
class Unmade(Baseline):
    """u(t) = u(0)."""

    size: int
    """A number."""

    def build(self, problem: Problem) -> Forecast:
        return Persistence().build(problem)


@frozen(kw_only=True)
class WithExample(Baseline):
    """u(t) = u(0)."""

    example: ClassVar[Mapping[str, object]] = {"size": 3}

    size: int
    """A number."""

    def build(self, problem: Problem) -> Forecast:
        return Persistence().build(problem)


@frozen(kw_only=True)
class Forgetful(Baseline):
    """u(t) = u(0)."""

    sizes: tuple[tuple[int, ...], ...] = field(default=([1, 2],))  # a list comes back as a tuple
    """Numbers."""

    def build(self, problem: Problem) -> Forecast:
        return Persistence().build(problem)


@frozen(kw_only=True)
class Homeless(Baseline):
    """u(t) = u(0)."""

    def build(self, problem: Problem) -> Forecast:
        raise SpecError("use", f"knows another equation only, not {problem.name!r}")


@frozen(kw_only=True)
class Misspelt(Baseline):
    """u(t) = u(0)."""

    def build(self, problem: Problem) -> Forecast:
        print("noise")
        known: dict[str, Forecast] = {}
        return known[problem.name]


@frozen(kw_only=True)
class Leaving(Baseline):
    """u(t) = u(0)."""

    def build(self, problem: Problem) -> Forecast:
        def leave(start: Tensor, steps: int, grid: Grid, parameters: Tensor) -> Tensor:
            raise SystemExit("enough")

        return leave


FAULTS: dict[spec_checks.SpecCheck, type[Baseline]] = {
    spec_checks.keeps_the_rules_of_specs: Mutable,
    spec_checks.documents_every_field: Undocumented,
    spec_checks.gives_a_formula_or_a_reference: Vague,
    spec_checks.is_made_from_its_defaults_and_its_example: Unmade,
    spec_checks.survives_a_recipe: Forgetful,
}


def _registry(spec: type) -> tuple[Registry, Component]:
    registry = Registry()
    component = registry.add("baseline", "planted", spec, "planted")
    registry.record(
        PluginInfo(name="planted", distribution="planted", version="1", module="planted", counts={"baseline": 1})
    )
    return registry, component


@pytest.mark.parametrize("check", spec_checks.CHECKS, ids=lambda check: check.__name__)
def test_a_planted_fault_of_a_spec_is_found_and_a_sound_spec_passes(check: spec_checks.SpecCheck) -> None:
    component = Component(kind="baseline", name="planted", plugin="planted", spec=FAULTS[check])
    registry = Registry() if FAULTS[check] is Mutable else _registry(FAULTS[check])[0]
    assert outcome(check, component, registry) is not None
    registry, sound = _registry(WithExample)
    assert outcome(check, sound, registry) is None


def test_a_component_that_suits_no_problem_is_found_with_all_reasons() -> None:
    report = examine_plugin("planted", _registry(Homeless)[0])
    (failure,) = report.failures
    assert failure.check == "builds for at least one problem"
    assert "not 'standing_waves'" in str(failure.problem)


def test_a_component_that_breaks_down_where_it_should_refuse_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    failures = {
        failure.check: failure.problem for failure in examine_plugin("planted", _registry(Misspelt)[0]).failures
    }
    assert list(failures) == ["builds for at least one problem", "refuses with a SpecError what it does not suit"]
    assert "standing_waves: KeyError: 'standing_waves' (test_spec_faults.py, line" in str(failures.popitem()[1])
    assert capsys.readouterr().out == ""


def test_a_component_that_leaves_python_is_found() -> None:
    failures = examine_plugin("planted", _registry(Leaving)[0]).failures
    assert "SystemExit: enough" in str(failures[0].problem)


def test_a_report_names_each_failed_check() -> None:
    report = examine_plugin("planted", _registry(Undocumented)[0])
    assert str(report).splitlines() == [
        f"plugin 'planted': 1 of {len(report.results)} checks failed",
        "baseline planted documents every field: no, field 'size' has no text: write a string literal under it",
    ]


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (PluginInfo(name="other", distribution="d", version="1", module="m", counts={"loss": 1}), "no plugin called"),
        (PluginInfo(name="planted", distribution="d", version="1", module="m", error="No module"), "is broken: No mod"),
        (PluginInfo(name="planted", distribution="d", version="1", module="m"), "registers nothing"),
    ],
)
def test_a_plugin_that_is_not_there_broken_or_empty_is_an_error(info: PluginInfo, message: str) -> None:
    registry = Registry()
    registry.record(info)
    with pytest.raises(PluginError, match=message):
        examine_plugin("planted", registry)


def test_faults_of_shipped_recipes_are_found(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[latent]\ntokens = 0\nwidth = 1\n", encoding="utf-8")
    recipe, registry = RecipeFile(name="bad", plugin="planted", path=path), load_plugins()
    problem = outcome(recipe_checks.has_no_mistakes, recipe, registry)
    assert problem is not None
    assert "latent.tokens" in problem
    shipped = registry.recipes[0]
    silent = tmp_path / "silent.toml"
    lines = shipped.path.read_text(encoding="utf-8").splitlines()
    silent.write_text("\n".join(line for line in lines if not line.startswith("description")), encoding="utf-8")
    recipe = RecipeFile(name="silent", plugin="planted", path=silent)
    assert outcome(recipe_checks.has_no_mistakes, recipe, registry) is None
    assert outcome(recipe_checks.says_what_it_is_and_what_it_costs, recipe, registry) == "it has no description"
    for check in recipe_checks.CHECKS:
        assert outcome(check, shipped, registry) is None
