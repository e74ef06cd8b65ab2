"""`ups plan`: time, memory, disk and cost of a whole job, before it runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ups_framework.cli.options import profile_option, recipe_argument, settings_option
from ups_framework.cli.output import print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ups_framework.engine.plan import Plan
    from ups_framework.recipe import Recipe


@click.command("plan")
@recipe_argument
@settings_option
@profile_option
def command(recipe: Path, settings: tuple[str, ...], profile: str | None) -> None:
    """Say what running RECIPE will take on this machine: time, memory, disk and cost.

    Measured: a few trajectories are made, a few steps of each stage trained, validated and evaluated; nothing is kept.
    The cost is that of `[prices]` in the recipe, if it has a price of this device. `ups run` says at its end how long
    its training took beside what its own first steps foretold.
    """
    from ups_framework.cli.core_share import CoreShare
    from ups_framework.cli.loading import load
    from ups_framework.engine.plan import plan_of
    from ups_framework.engine.prepare import default_device
    from ups_framework.plugins import load_plugins
    from ups_framework.runs.environment import device_name

    registry = load_plugins()
    loaded = load(recipe, registry, settings, profile)
    device = device_name()
    click.echo(f"{recipe} on {device}")
    share = CoreShare()
    with loaded.locating():
        plan = plan_of(loaded.recipe, registry, default_device(), click.echo)
    if default_device().type == "cpu":
        share.warn_if_low()
    _print_time(plan, loaded.recipe)
    _print_room(plan, loaded.recipe.data_folder)
    if line := cost(plan, loaded.recipe.prices, device):
        click.echo(line)


def _print_time(plan: "Plan", recipe: "Recipe") -> None:
    rows = [
        ["data", spoken(plan.data.seconds), f"{plan.data.trajectories} trajectories, unless they are there already"]
    ]
    for trial in plan.stages:
        steps = recipe.stages[trial.name].steps
        parts = (
            f"{steps} steps of {1000 * trial.step_seconds / steps:.3g} ms, audits {spoken(trial.audit_seconds)}, "
            f"validations {spoken(trial.validation_seconds)}"
        )
        rows.append([f"stage {trial.name}", spoken(trial.seconds), parts])
    rows.append(["checkpoints", spoken(plan.checkpoint_seconds), f"{plan.checkpoints} are written"])
    rows.append(["evaluation", spoken(plan.evaluation_seconds), "with all baselines; the report comes on top"])
    rows.append(["in all", spoken(plan.seconds), "as long as no stage stops early"])
    print_table(["", "time", ""], rows)


def _print_room(plan: "Plan", data_folder: str) -> None:
    memory = f"{plan.steps_mib:.0f} for steps, {plan.data_mib:.0f} for data"
    click.echo(f"\nmemory  {plan.steps_mib + plan.data_mib:.0f} MiB ({memory})")
    data, run = plan.data.disk_bytes / 1e6, plan.run_bytes / 1e6
    click.echo(f"disk    {data + run:.3g} MB ({data:.3g} for data in {data_folder}, {run:.3g} for the run)")


def cost(plan: "Plan", prices: "Mapping[str, float]", device: str) -> str:
    """A line that says what the whole job costs; empty without prices."""
    if not prices:
        return ""
    if device not in prices:
        return f"cost    not known: [prices] has no {device!r}"
    hour = prices[device]
    return f"cost    {plan.seconds / 3600 * hour:.3g} ({hour:g} an hour of {device})"


def spoken(seconds: float) -> str:
    """`3 h 12 min`, `4 min 10 s`, `12 s`, `0.3 s`."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
