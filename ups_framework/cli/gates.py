"""The verdicts on a run's gates, and what the gates of a recipe will need, for people."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ups_framework.cli.output import print_table, visible

if TYPE_CHECKING:
    from ups_framework.recipe import Recipe
    from ups_framework.runs.gates import Verdicts


def print_gates(verdicts: "Verdicts") -> None:
    """A row for each gate; nothing where there are none."""
    if not verdicts:
        return
    from ups_framework.runs.tables import number

    rows = [
        [each.gate, each.metric, number(each.value), f"{each.rule}{_bound(each.rule, each.bound)}", each.state]
        for each in verdicts.values()
    ]
    click.echo()
    print_table(["gate", "metric", "value", "asked for", "verdict"], rows)
    for each in verdicts.values():
        if each.reason:
            click.echo(visible(f"  {each.gate}: {each.reason}"))


def exit_by_gates(verdicts: "Verdicts") -> None:
    """End the process with code 1 if a gate did not pass, and say which."""
    left = [verdict for verdict in verdicts.values() if verdict.state != "pass"]
    if left:
        text = ", ".join(f"{verdict.gate} ({verdict.state})" for verdict in left)
        click.echo(visible(f"{len(left)} of {len(verdicts)} gates did not pass: {text}"), err=True)
        sys.exit(1)


def warn_of_absent_runs(recipe: "Recipe", runs: Path) -> None:
    """Say which gates name runs that are not in the folder `runs`: such gates end as missing."""
    from ups_framework.runs.folder import RunFolder

    for name, gate in recipe.gates.items():
        if gate.reference is not None and not RunFolder(runs / gate.reference).recipe.exists():
            text = (
                f"Warning: gates.{name}: there is no run {gate.reference!r} in {runs}: without it the gate is missing"
            )
            click.echo(visible(text), err=True)


def _bound(rule: str, bound: float | None) -> str:
    """The number, where the rule does not end with it."""
    return "" if bound is None or rule.endswith(f" {bound:g}") else f" = {bound:.3g}"
