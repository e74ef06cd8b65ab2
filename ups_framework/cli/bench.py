"""`ups bench`: variants of a recipe, each with several seeds, and what of their difference is more than chance."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ups_framework.cli.options import RecipePath, profile_option, recipe_argument, settings_option
from ups_framework.cli.output import print_json, print_table

if TYPE_CHECKING:
    from ups_framework.runs.bench_rows import Comparison


def _seeds(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        seeds = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter("expected whole numbers such as 0,1,2") from None
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise click.BadParameter("expected different whole numbers from 0 on")
    return seeds


_OF_TRAINING = {"varied": "--vary", "others": "--against", "seeds": "--seeds", "runs": "--runs", "jobs": "--jobs"}


@click.command("bench")
@recipe_argument
@click.option("--vary", "varied", multiple=True, metavar="KEY=V1,V2,...", help="Values of a key; see above.")
@click.option(
    "--against",
    "others",
    multiple=True,
    type=RecipePath(),
    help="Another recipe to compare with RECIPE.",
)
@click.option("--seeds", default="0,1,2", callback=_seeds, help="Seeds of every variant [0,1,2].")
@settings_option
@profile_option
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the runs [runs/bench/ the recipe's name].",
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Runs at a time; the cores are shared out [1].")
@click.option("--speed", is_flag=True, help="Train nothing: time a training step of RECIPE, part by part.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; progress goes to the standard error.")
@click.pass_context
def command(
    context: click.Context,
    recipe: Path,
    varied: tuple[str, ...],
    others: tuple[Path, ...],
    seeds: tuple[int, ...],
    settings: tuple[str, ...],
    profile: str | None,
    runs: Path | None,
    jobs: int,
    speed: bool,
    as_json: bool,
) -> None:
    """Train RECIPE with each value of a key and each seed, and say which differences are more than chance.

    Values of --vary are TOML or bare words as those of --set, parted by commas that stand in no brackets, braces or
    quotes: latent.tokens=8,16 or "sampler={use='uniform', fraction=0.5},{use='dense'}". Several keys make a grid. The
    first value, or RECIPE itself with --against, is what all others are held to.

    Each run is an ordinary folder below RUNS. The same command goes on where it was stopped, and repeats no run whose
    resolved recipe is the same. Exit code 1 if a run failed.

    A verdict takes three seeds: a paired t-test over seeds, two-sided at 5 %, with Holm's correction over the variants.

    --speed says instead what a step of each stage takes and what bounds it: data, parts, losses, backward, optimiser,
    beside a bare loop over the same modules, and floors from operations and bytes at the rates of this device.
    """
    if speed:
        from ups_framework.cli.speed import print_speed

        _refuse_options_of_training(context)
        print_speed(recipe, settings, profile, as_json=as_json)
        return
    import torch

    from ups_framework.plugins import load_plugins
    from ups_framework.recipe.locate import locate
    from ups_framework.runs.bench import run_bench
    from ups_framework.runs.bench_jobs import Jobs
    from ups_framework.runs.bench_plan import plan, variants_of
    from ups_framework.runs.bench_tables import as_plain

    registry = load_plugins()
    variants = variants_of((recipe, *others), varied)
    trials = plan(variants, seeds, registry=registry, settings=settings, profile=profile, gpu=torch.cuda.is_available())
    folder = runs or Path("runs/bench") / locate(str(recipe), registry)[1]
    comparison = run_bench(trials, Jobs(runs=folder, at_once=jobs, report=lambda line: click.echo(line, err=True)))
    if as_json:
        print_json(as_plain(comparison))
    else:
        _print(comparison, folder)
    if any(row.failures for row in comparison.rows):
        raise SystemExit(1)


def _refuse_options_of_training(context: click.Context) -> None:
    """UsageError if options were given that only say what to train."""
    given = [
        option
        for name, option in _OF_TRAINING.items()
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(
            f"--speed times the steps of one recipe and trains nothing: leave out {', '.join(given)}"
        )


def _print(comparison: "Comparison", folder: Path) -> None:
    from ups_framework.runs.bench_rows import STATED_TEST
    from ups_framework.runs.bench_tables import details, overview

    click.echo(f"\nmean ± sd over seeds {', '.join(map(str, comparison.seeds))}; {STATED_TEST}\n")
    print_table(*overview(comparison))
    click.echo()
    print_table(*details(comparison))
    for a, b in comparison.same_weights:
        click.echo(
            f"\nAlarm: {a!r} and {b!r} end with the same weights to the last bit, with every seed: "
            "what differs between them changes nothing that is trained"
        )
    for row in comparison.rows:
        for failure in row.failures:
            click.echo(f"\n{row.label}: a run failed: {failure}", err=True)
    click.echo(f"\n{folder}: one folder a run")
