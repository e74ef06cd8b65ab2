"""`ups check`: every mistake of a recipe, and on demand what it will do and take."""

from pathlib import Path

import click

from ups_framework.cli.options import profile_option, recipe_argument, settings_option


@click.command("check")
@recipe_argument
@settings_option
@profile_option
@click.option("--step", is_flag=True, help="Build everything and make real steps of each stage on a slice of data.")
def command(recipe: Path, settings: tuple[str, ...], profile: str | None, step: bool) -> None:
    """Find all mistakes of RECIPE at once. Exit code 2 if there are any.

    With --step: audit every stage on a slice of data and estimate time and memory; exit code 1 if a loss term has
    no effect on what its stage trains.
    """
    from ups_framework.cli.gates import warn_of_absent_runs
    from ups_framework.cli.loading import load, warn
    from ups_framework.cli.trial import print_trial
    from ups_framework.engine.rehearsal import find_idle_terms
    from ups_framework.errors import RecipeError
    from ups_framework.plugins import load_plugins

    registry = load_plugins()
    loaded = load(recipe, registry, settings, profile)
    with loaded.locating():
        if idle := find_idle_terms(loaded.recipe, registry, warn):
            raise RecipeError(idle)
    stages = ", ".join(f"{name} ({stage.steps} steps)" for name, stage in loaded.recipe.stages.items())
    click.echo(f"{recipe}: no mistakes; stages: {stages}")
    warn_of_absent_runs(loaded.recipe, Path("runs"))
    if step:
        with loaded.locating():
            print_trial(loaded.recipe, registry)
