"""A recipe tried on a slice of its data: audit, parameters, and what the whole run will take."""

import click

from ups_framework.cli.output import print_table
from ups_framework.cli.results import print_audit
from ups_framework.engine.audit import refuse_terms_without_effect
from ups_framework.engine.estimate import StageTrial, data_memory_mib, peak_memory_mib, slice_of, try_stages
from ups_framework.engine.prepare import default_device, prepare
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe


def print_trial(recipe: Recipe, registry: Registry) -> None:
    """Print what was found. RunError if a term has no effect, after everything is printed."""
    prepared = prepare(slice_of(recipe), registry, default_device(), click.echo)
    parts = prepared.system.simulator.parts.items()
    print_table(["part", "parameters"], [[n, f"{sum(p.numel() for p in part.parameters()):,}"] for n, part in parts])
    trials = []
    for trial in try_stages(prepared.system, prepared.data):
        print_audit(trial.name, trial.rows)
        trials.append(trial)
    _print_estimate(trials, data_memory_mib(recipe, prepared.data))
    for trial in trials:
        refuse_terms_without_effect(trial.name, trial.norms)


def _print_estimate(trials: list[StageTrial], data_mib: float) -> None:
    total = sum(trial.seconds for trial in trials)
    each = ", ".join(f"{trial.name} {trial.seconds:.0f} s" for trial in trials)
    click.echo(f"\nestimated training time {total:.0f} s ({each}); `ups plan` says what data and evaluation take")
    steps_mib = peak_memory_mib()
    click.echo(f"estimated memory {steps_mib + data_mib:.0f} MiB ({steps_mib:.0f} for steps, {data_mib:.0f} for data)")
