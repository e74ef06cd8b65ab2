"""`ups compare`: runs side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ups_framework.cli.output import print_json, print_table, visible
from ups_framework.cli.values import shown

if TYPE_CHECKING:
    from ups_framework.runs.comparing import RunComparison


@click.command("compare")
@click.argument("runs", metavar="RUN RUN...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--any-protocol", is_flag=True, help="Compare figures that were measured by different protocols too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(runs: tuple[Path, ...], any_protocol: bool, as_json: bool) -> None:
    """Compare folders of runs: what their recipes differ in, and their figures.

    Runs that differ in their seed alone are one column or row, with mean ± sd. With three seeds that all have, each is
    held to the first with a paired t-test. Runs that were measured by different protocols are refused. An alarm says
    where runs of different recipes agree to the last bit.
    """
    from ups_framework.runs.comparing import compare_runs
    from ups_framework.runs.runs_folder import named_runs

    if len(runs) < 2:
        raise click.UsageError("give two runs or more")
    found = compare_runs(named_runs(runs), any_protocol=any_protocol)
    if as_json:
        print_json(_as_json(found))
        return
    _print_recipes(found)
    _print_figures(found)
    _print_doubts(found)


def _print_recipes(found: "RunComparison") -> None:
    labels = [variant.label for variant in found.variants]
    for variant in found.variants:
        states = ", ".join(f"{run.name} {run.status}" for run in variant.runs)
        click.echo(visible(f"{variant.label}: {states}"))
    click.echo()
    if found.recipes:
        rows = [[key, *(shown(value) for value in values)] for key, values in found.recipes.items()]
        print_table(["recipe", *labels], rows)
    else:
        click.echo("recipes: no difference" + (" but the seed" if len(found.variants[0].runs) > 1 else ""))


def _print_figures(found: "RunComparison") -> None:
    from ups_framework.runs.bench_figures import MAIN
    from ups_framework.runs.bench_rows import STATED_TEST
    from ups_framework.runs.bench_tables import details, overview

    figures = found.figures
    if not figures.figures:
        click.echo("\nno run has results yet")
        return
    seeds = ", ".join(map(str, figures.seeds)) or "none"
    click.echo(f"\nmean ± sd over seeds; seeds that all have, for verdicts: {seeds}; {STATED_TEST}\n")
    print_table(*overview(figures, [name for name in MAIN if name in figures.figures]))
    click.echo()
    print_table(*details(figures))


def _print_doubts(found: "RunComparison") -> None:
    for repeat, (run, same) in found.repeats.items():
        said = "the same results to the last bit" if same else "other results"
        click.echo(visible(f"\n{repeat} has recipe and seed of {run}, and {said}; it is left out of the figures"))
    for key, values in found.protocols.items():
        text = ", ".join(f"{name} {shown(value)}" for name, value in zip(found.measured, values, strict=True))
        click.echo(visible(f"\nprotocols differ, figures do not compare: {key}: {text}"))
    for alarm in found.alarms:
        click.echo(visible(f"\n{alarm}"))


def _as_json(found: "RunComparison") -> Mapping[str, object]:
    from ups_framework.runs.bench_tables import as_plain

    plain = as_plain(found.figures)
    return {
        "variants": [
            {"label": variant.label, "runs": {run.name: run.seed for run in variant.runs}} for variant in found.variants
        ],
        "recipes": dict(found.recipes),
        "protocols": {"runs": list(found.measured), "differences": dict(found.protocols)},
        "common_seeds": plain["seeds"],
        "figures": plain["variants"],
        "alarms": [{"runs": alarm.runs, "alike": alarm.alike, "differing": alarm.differing} for alarm in found.alarms],
        "repeats": {name: {"of": of, "same_results": same} for name, (of, same) in found.repeats.items()},
    }
