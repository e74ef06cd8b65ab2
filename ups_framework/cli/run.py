"""`ups run`: train a recipe, evaluate the simulator, write the report."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
from attrs import evolve

from ups_framework.cli.options import profile_option, recipe_argument, settings_option
from ups_framework.errors import RecipeError, RunError


@click.command("run")
@recipe_argument
@settings_option
@profile_option
@click.option(
    "--runs", type=click.Path(file_okay=False, path_type=Path), default=Path("runs"), help="Folder of all runs [runs]."
)
@click.option("--name", help="Name of the run's folder [the recipe's name; of kdv:quick, kdv_quick].")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint of the run.")
def command(
    recipe: Path, settings: tuple[str, ...], profile: str | None, runs: Path, name: str | None, resume: bool
) -> None:
    """Train RECIPE, evaluate the simulator on held-out data and write a report.

    RECIPE is a TOML file, or one that `ups recipes` lists. Everything goes to the folder RUNS/NAME. Ctrl-C
    saves a checkpoint and says how to go on. Exit code 1 if a gate of the recipe did not pass.
    """
    click.echo(f"ups run {recipe}: reading the recipe and loading plugins")
    from ups_framework.cli.display import Display
    from ups_framework.cli.gates import exit_by_gates, print_gates, warn_of_absent_runs
    from ups_framework.cli.loading import load
    from ups_framework.cli.results import print_evaluation
    from ups_framework.engine.stage_loop import Interrupted
    from ups_framework.plugins import load_plugins
    from ups_framework.runs.folder import RunFolder, is_run_name, proposed_name
    from ups_framework.runs.gates import read_verdicts
    from ups_framework.runs.run import Run

    registry = load_plugins()
    with _pointing_to_own(recipe, runs, name) if resume else nullcontext():
        loaded = load(recipe, registry, settings, profile)
    warn_of_absent_runs(loaded.recipe, runs)
    if name is None and not is_run_name(loaded.name):
        raise RunError(
            f"{recipe}: a run is called after its recipe, and {loaded.name!r} is no name for a run: give it another "
            f"one with --name, such as --name {proposed_name(loaded.name)}"
        )
    folder_name = loaded.name if name is None else name
    folder = RunFolder.open(runs / folder_name) if resume else RunFolder.create(runs, folder_name)
    display = Display()
    run = Run(
        recipe=loaded.recipe, registry=registry, folder=folder, resume=resume, report=display.say, listeners=[display]
    )
    try:
        with display, loaded.locating():
            evaluation = run.execute()
    except (Interrupted, KeyboardInterrupt):
        click.echo(f"stopped; go on with: {resume_command()}", err=True)
        sys.exit(130)
    print_evaluation(evaluation)
    verdicts = read_verdicts(folder)
    print_gates(verdicts)
    click.echo(f"{folder.path}: simulator.pt, evaluation.json, report.html")
    exit_by_gates(verdicts)


@contextmanager
def _pointing_to_own(recipe: Path, runs: Path, name: str | None) -> Iterator[None]:
    """If a recipe is gone that a run began with, the message says where the run keeps it."""
    own = runs / (name or recipe.stem.replace(":", "_")) / "recipe.toml"
    try:
        yield
    except RecipeError as error:
        if os.path.lexists(recipe) or not own.is_file():
            raise
        text = f"; the run's own recipe is in {own}: with that in its place `--resume` names each part that is missing"
        raise RecipeError([evolve(each, problem=f"{each.problem}{text}") for each in error.mistakes]) from error


def resume_command() -> str:
    """The command that is running, as a shell takes it, with `--resume`."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--resume"]
    return shlex.join([_program(), *arguments, "--resume"])


def _program() -> str:
    """`ups` where the shell finds this one by that name, else the path that was called."""
    found = shutil.which("ups")
    return "ups" if found and Path(found).resolve() == Path(sys.argv[0]).resolve() else sys.argv[0]
