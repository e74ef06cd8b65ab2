"""From a recipe to a system on its device, with its data: what running, evaluating and checking share."""

from collections.abc import Callable
from pathlib import Path

import attrs
import torch
from attrs import frozen

from ups_framework.api import Data
from ups_framework.border import class_of, plugin_code
from ups_framework.engine.build import System, build_system
from ups_framework.engine.mistakes import find_mistakes
from ups_framework.errors import DataError, RecipeError
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe, to_plain


@frozen(kw_only=True, eq=False)
class Prepared:
    """A system and its data on one device."""

    system: System
    """Normalised by the training data, otherwise untrained."""

    data: Data
    """On the same device."""


def default_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def prepare(recipe: Recipe, registry: Registry, device: torch.device, report: Callable[[str], None]) -> Prepared:
    """Build the system, and read or make its data. RecipeError lists all mistakes before any data is made."""
    refuse_mistakes(recipe)
    system = build_system(recipe, registry)
    with plugin_code(f"data ({class_of(recipe.data)})"):
        data = recipe.data.build(folder=Path(recipe.data_folder), device=device, report=report)
    _refuse_undeclared(data, class_of(recipe.data))
    data = attrs.evolve(
        data,
        train=data.train.to(device),
        validation=data.validation.to(device),
        test=data.test.to(device),
        protocol=data.protocol or _said_of(recipe, registry),
    )
    system.simulator.normalise_by(data.train.values)
    system.simulator.to(device)
    system.sampler.to(device)
    if recipe.training.compile:
        system.simulator.compile_parts()
    return Prepared(system=system, data=data)


def _refuse_undeclared(data: Data, what: str) -> None:
    """DataError if a parameter of a trajectory is not where the problem says that it is: networks see it scaled so."""
    for split in ("train", "validation", "test"):
        columns = getattr(data, split).parameters.unbind(1)
        for parameter, values in zip(data.problem.parameters, columns, strict=True):
            if not parameter.holds(values):
                raise DataError(
                    f"data ({what}): {parameter.name} goes from {values.min():g} to {values.max():g} in the {split} "
                    f"trajectories, and the problem says from {parameter.low:g} to {parameter.high:g}. Are they of "
                    "another recipe, whose file has the same name?"
                )


def _said_of(recipe: Recipe, registry: Registry) -> dict[str, str | int | float | bool]:
    """All that the recipe says of its dataset."""
    plain = to_plain(recipe.data, registry)
    return {key: value if isinstance(value, str | int | float | bool) else str(value) for key, value in plain.items()}


def refuse_mistakes(recipe: Recipe) -> None:
    """RecipeError with everything that `find_mistakes` finds."""
    mistakes = find_mistakes(recipe)
    if mistakes:
        raise RecipeError(mistakes)
