"""A plugin under examination: every check of everything that it registers, each with a name and an outcome."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from attrs import evolve, field, frozen

from ups_framework.errors import PluginError
from ups_framework.plugins import load_plugins
from ups_framework.registry import Component, PluginInfo, Registry
from ups_framework.suggest import did_you_mean, listed
from ups_framework.testing import (
    baseline_checks,
    dataset_checks,
    decoder_checks,
    encoder_checks,
    guard_checks,
    latent_transform_checks,
    loss_checks,
    metric_checks,
    operator_checks,
    picture_checks,
    recipe_checks,
    sampler_checks,
    spec_checks,
)
from ups_framework.testing.checks import Check, Suite, outcome
from ups_framework.testing.common import common_checks
from ups_framework.testing.settings import Experiment, Laboratory
from ups_framework.testing.subject import Subject, subjects_of

_SUITES: dict[str, Suite] = {
    "encoder": encoder_checks.SUITE,
    "operator": operator_checks.SUITE,
    "latent_transform": latent_transform_checks.SUITE,
    "decoder": decoder_checks.SUITE,
    "guard": guard_checks.SUITE,
    "sampler": sampler_checks.SUITE,
    "loss": loss_checks.SUITE,
    "metric": metric_checks.SUITE,
    "baseline": baseline_checks.SUITE,
    "picture": picture_checks.SUITE,
}


@frozen(kw_only=True)
class Result:
    """One check of one component."""

    component: str
    """Kind and name, such as `loss heat_residual`; or `recipe NAME`, or `plugin`."""

    check: str
    """What should be true, as a sentence about the component."""

    problem: str | None
    """What was found instead; None if it is true."""

    seconds: float = field(default=0.0, eq=False)
    """How long it took to find out."""


@frozen(kw_only=True)
class Report:
    """All results of a plugin."""

    plugin: str
    """Its name."""

    results: tuple[Result, ...]
    """In the order of kinds and names."""

    @property
    def failures(self) -> tuple[Result, ...]:
        """The results with a problem."""
        return tuple(result for result in self.results if result.problem is not None)

    @property
    def causes(self) -> tuple[tuple[Result, ...], ...]:
        """The failures, those that have found one and the same problem together."""
        found: dict[str | None, list[Result]] = {}
        for result in self.failures:
            found.setdefault(result.problem, []).append(result)
        return tuple(tuple(results) for results in found.values())

    def __str__(self) -> str:
        lines = [f"plugin {self.plugin!r}: {len(self.failures)} of {len(self.results)} checks failed"]
        for first, *others in self.causes:
            lines.append(f"{first.component} {first.check}: no, {first.problem}")
            lines += [f"  for the same reason: {_named(others, first.component)}"] if others else []
        return "\n".join(lines)


def _named(results: Sequence[Result], component: str) -> str:
    """Checks by their names, with their component where it is not the one before."""
    befores = (component, *(result.component for result in results))
    pairs = zip(results, befores, strict=False)
    return "; ".join(r.check if r.component == before else f"{r.component} {r.check}" for r, before in pairs)


def check_plugin(name: str) -> Report:
    """Examine an installed plugin. AssertionError names every check that failed; takes seconds to a minute.

    PluginError if there is no such plugin, or it cannot be loaded.
    """
    report = examine_plugin(name, load_plugins())
    if report.failures:
        raise AssertionError(str(report))
    return report


def examine_plugin(name: str, registry: Registry, said: Callable[[Result], None] = lambda _: None) -> Report:
    """Examine a plugin of a registry; `said` hears of each result when it is there."""
    _find(name, registry)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        laboratory = Laboratory(registry=registry, plugin=name, folder=Path(folder))
        for result in _timed(_results(name, registry, laboratory)):
            said(result)
            results.append(result)
    return Report(plugin=name, results=tuple(results))


def _timed(results: Iterator[Result]) -> Iterator[Result]:
    """The results with what each took. What plugins print meanwhile goes to the standard error."""
    while True:
        started = time.perf_counter()
        with redirect_stdout(sys.stderr):
            result = next(results, None)
        if result is None:
            return
        yield evolve(result, seconds=time.perf_counter() - started)


def _find(name: str, registry: Registry) -> PluginInfo:
    """The plugin, if it works and there is something to check."""
    by_name = {info.name: info for info in reversed(registry.plugins)}  # of two, the first is the one that is used
    if name not in by_name:
        raise PluginError(
            f"no plugin called {name!r} is installed in this environment{did_you_mean(name, by_name)}; there are "
            f"{listed(by_name)}. Entry points are read when a package is installed: `pip install -e` it again after "
            "changing them"
        )
    info = by_name[name]
    if info.error is not None:
        raise PluginError(f"plugin {name!r} is broken: {info.error}")
    if not info.counts:
        raise PluginError(f"plugin {name!r} registers nothing: mark its hooks with @hookimpl, or return names in them")
    return info


def _results(name: str, registry: Registry, laboratory: Laboratory) -> Iterator[Result]:
    for component in registry.components_of(name):
        yield from _component_results(component, laboratory)
    for recipe in registry.recipes:
        if recipe.plugin == name:
            for check in recipe_checks.CHECKS:
                yield _result(f"recipe {recipe.name}", check, recipe, registry)


def _component_results(component: Component, laboratory: Laboratory) -> Iterator[Result]:
    """Checks of the class, then of the spec made from its example, then of what it builds for each problem."""
    label = f"{component.kind} {component.name}"
    for check in spec_checks.CHECKS:
        yield _result(label, check, component, laboratory.registry)
    if outcome(spec_checks.is_made_from_its_defaults_and_its_example, component, laboratory.registry) is not None:
        return
    if component.kind == "dataset":
        yield from _dataset_results(label, laboratory.experiment(component))
        return
    subjects, refused, broken = subjects_of(component, laboratory)
    yield Result(component=label, check="builds for at least one problem", problem=None if subjects else refused)
    yield Result(component=label, check="refuses with a SpecError what it does not suit", problem=broken or None)
    suite = _SUITES[component.kind]
    if subjects:
        for every in (*common_checks(suite), *suite.checks):
            yield _everywhere(label, every, subjects)
        for one in suite.somewhere:
            yield _somewhere(label, one, subjects)


def _dataset_results(label: str, experiment: Experiment) -> Iterator[Result]:
    """All checks of a dataset that can be built at all."""
    unmade = outcome(dataset_checks.can_be_made, experiment)
    yield Result(component=label, check=_words(dataset_checks.can_be_made), problem=unmade)
    for check in dataset_checks.CHECKS if unmade is None else ():
        yield _result(label, check, experiment)


def _everywhere(label: str, check: Check, subjects: list[Subject]) -> Result:
    """One check on every problem that the component suits; the first problem found counts."""
    for subject in subjects:
        problem = outcome(check, subject)
        if problem is not None:
            return Result(component=label, check=_words(check), problem=f"{problem} (on {subject.setting.name})")
    return Result(component=label, check=_words(check), problem=None)


def _somewhere(label: str, check: Check, subjects: list[Subject]) -> Result:
    """One check on every problem that the component suits; one without a problem is enough."""
    problems = [outcome(check, subject) for subject in subjects]
    found = None if None in problems else f"{problems[0]} (on {subjects[0].setting.name})"
    return Result(component=label, check=_words(check), problem=found)


def _result(label: str, check: Check, *about: object) -> Result:
    return Result(component=label, check=_words(check), problem=outcome(check, *about))


def _words(check: Check) -> str:
    return check.__name__.replace("_", " ")
