"""How many steps make the trainings of several recipes take equally long.

A training's seconds are forecast as `ups plan` does: real steps, audits and validations of its own sizes on a slice of
its data. Recipes take turns, so that a busy machine slows all alike, and the ratio to the reference is the median over
rounds. Training time is linear in steps, so each stage gets its steps divided by that ratio.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from attrs import evolve, frozen

from ups_framework.engine.estimate import slice_of, try_stages
from ups_framework.engine.prepare import default_device, prepare
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe
from ups_framework.runs.bench_plan import Trial
from ups_framework.runs.records import read_json, write_json


@frozen(kw_only=True)
class Pace:
    """One recipe's time beside the reference's."""

    seconds: float
    """Forecast of its training with its own steps: the median over rounds."""

    ratio: float
    """Over that of the reference in the same round: the median."""

    settings: tuple[str, ...]
    """The steps of each stage that make it as long, as of `--set`."""


def paces(
    trials: Mapping[str, Trial], reference: str, registry: Registry, kept: Path, rounds: int
) -> Mapping[str, Pace]:
    """The pace of each recipe beside that named `reference`.

    Measured once: what `kept` has of the same two recipes is taken, so that the steps stay the same when the command
    is given again. Recipes without it are measured, with the reference, and added.
    """
    known: dict[str, Any] = read_json(kept) if kept.exists() else {}  # a tree of plain values
    keys = {name: f"{trial.digest}/{trials[reference].digest}" for name, trial in trials.items()}
    missing = [name for name in trials if keys[name] not in known]
    if missing:
        names = [reference, *(name for name in missing if name != reference)]
        seconds = _in_turn({name: trials[name].recipe for name in names}, registry, rounds)
        for name in names:
            ratios = [own / whole for own, whole in zip(seconds[name], seconds[reference], strict=True)]
            known[keys[name]] = {"entry": name, "seconds": median(seconds[name]), "ratio": median(ratios)}
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, known)
    return {name: _pace(trial.recipe, known[keys[name]]) for name, trial in trials.items()}


def _in_turn(recipes: Mapping[str, Recipe], registry: Registry, rounds: int) -> Mapping[str, list[float]]:
    """Forecasts of all recipes, round by round; one more round before, which warms up, does not count."""
    found: dict[str, list[float]] = {name: [] for name in recipes}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(-1, rounds):
            for name, recipe in recipes.items():
                took = _forecast(recipe, registry, folder)
                if turn >= 0:
                    found[name].append(took)
    return found


def _forecast(recipe: Recipe, registry: Registry, folder: str) -> float:
    """Seconds of the whole training, with audits and validations."""
    prepared = prepare(evolve(slice_of(recipe), data_folder=folder), registry, default_device(), _say_nothing)
    system = evolve(prepared.system, recipe=recipe)
    return sum(stage.seconds for stage in try_stages(system, prepared.data))


def _pace(recipe: Recipe, measured: Mapping[str, Any]) -> Pace:  # plain values
    """Steps to ten of them: a setting that people can read."""
    ratio = measured["ratio"]
    steps = {name: max(1, round(stage.steps / ratio / 10) * 10) for name, stage in recipe.stages.items() if stage.steps}
    settings = tuple(f"stages.{name}.steps={count}" for name, count in steps.items()) if ratio != 1.0 else ()
    return Pace(seconds=measured["seconds"], ratio=ratio, settings=settings)


def _say_nothing(line: str) -> None:
    """A slice is made for its time only."""
