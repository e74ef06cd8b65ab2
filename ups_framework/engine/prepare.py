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
from ups_framework.errors import RecipeError
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe


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
    data = attrs.evolve(
        data, train=data.train.to(device), validation=data.validation.to(device), test=data.test.to(device)
    )
    system.simulator.normalise_by(data.train.values)
    system.simulator.to(device)
    system.sampler.to(device)
    if recipe.training.compile:
        system.simulator.compile_parts()
    return Prepared(system=system, data=data)


def refuse_mistakes(recipe: Recipe) -> None:
    """RecipeError with everything that `find_mistakes` finds."""
    mistakes = find_mistakes(recipe)
    if mistakes:
        raise RecipeError(mistakes)
