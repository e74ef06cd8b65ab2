"""`ups explain`: what a recipe will do, before anything is made."""

from pathlib import Path

import click

from ups_framework.cli.options import profile_option, recipe_argument, settings_option


@click.command("explain")
@recipe_argument
@settings_option
@profile_option
def command(recipe: Path, settings: tuple[str, ...], profile: str | None) -> None:
    """Say what running RECIPE will do: problem, parts, stages, losses, evaluation, and where each value came from.

    Which loss reaches which part is measured, on made-up fields of the problem's shape: no data is read or made. Exit
    code 2 if the recipe has mistakes.
    """
    from ups_framework.cli.explanation import print_explanation
    from ups_framework.cli.loading import load
    from ups_framework.cli.origins import print_origins
    from ups_framework.engine.explain import explain
    from ups_framework.plugins import load_plugins

    registry = load_plugins()
    loaded = load(recipe, registry, settings, profile)
    print_explanation(loaded.recipe, registry, explain(loaded.recipe, registry))
    print_origins(loaded, registry)
