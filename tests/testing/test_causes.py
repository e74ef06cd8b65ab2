"""What several checks find alike is told once, with the names of all of them."""

import pytest
from attrs import frozen
from click.testing import CliRunner
from matplotlib.figure import Figure

from ups_framework.api import Picture, Plot, Problem, Rollout
from ups_framework.cli import group
from ups_framework.registry import PluginInfo, Registry
from ups_framework.testing import Result, examine_plugin
from ups_framework.testing.plugin import Report


@frozen(kw_only=True)
class Broken(Picture):
    """u(t) = u(0) at one point."""

    def build(self, problem: Problem) -> Plot:
        def draw(rollout: Rollout) -> Figure:
            return [Figure()][int(rollout.times.numel())]

        return draw


def _registry() -> Registry:
    registry = Registry()
    registry.add("picture", "broken", Broken, "planted")
    registry.record(
        PluginInfo(name="planted", distribution="planted", version="1", module="planted", counts={"picture": 1})
    )
    return registry


def test_a_cause_that_many_checks_share_is_one_with_all_their_names() -> None:
    report = examine_plugin("planted", _registry())
    assert len(report.failures) > 3
    (cause,) = report.causes
    assert cause == report.failures
    text = str(report)
    assert text.count("IndexError") == 1
    assert all(result.check in text for result in report.failures)
    assert text.count("picture broken") == 1


def test_the_command_prints_a_shared_cause_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ups_framework.cli.plugins.load_plugins", _registry)
    result = CliRunner().invoke(group, ["plugins", "check", "planted"])
    assert result.exit_code == 1
    assert result.stdout.count("IndexError") == 1
    assert "picture broken touches nothing global: NO" in result.stdout
    assert "  for the same reason: " in result.stdout


def test_checks_of_another_component_are_named_with_it() -> None:
    results = tuple(
        Result(component=component, check=check, problem="it burst")
        for component, check in (("loss a", "one"), ("loss a", "two"), ("loss b", "one"), ("loss b", "two"))
    )
    assert str(Report(plugin="planted", results=results)).splitlines() == [
        "plugin 'planted': 4 of 4 checks failed",
        "loss a one: no, it burst",
        "  for the same reason: two; loss b one; two",
    ]
