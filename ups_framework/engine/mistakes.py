"""Mistakes of a recipe that only show when its parts meet the problem and one another. No data is read or made."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from ups_framework.api import Extent, Problem, Sampling
from ups_framework.border import class_of, plugin_code
from ups_framework.engine.limits import MOST_DATA, TooLargeError, limited
from ups_framework.engine.randomness import seeded
from ups_framework.errors import DataError, Mistake, PluginError, SpecError
from ups_framework.recipe import Recipe

_WITH_LATENT = ("encoder", "operator", "decoder", "latent_transforms")
"""Parts whose `build` takes the size of the latent, and gives a module."""

_NAMED = ("metrics", "baselines", "pictures")


def find_mistakes(recipe: Recipe) -> list[Mistake]:
    """All of them, with the path of each wrong value; empty if the recipe can be built.

    Whatever a plugin's code raises is one of them, and so is what `build` gives if it is of the wrong type.
    """
    found = list(_stage_mistakes(recipe))
    try:
        problem, extent = _declared(recipe)
        found += [*_extent_mistakes(recipe, extent), *_size_mistakes(recipe, problem, extent)]
    except SpecError as error:
        return [*found, _mistake("data", error)]
    except (DataError, PluginError) as error:  # of a file that the recipe names, or of a plugin
        return [*found, Mistake(path="data", problem=str(error))]
    with seeded(torch.device("cpu"), recipe.seed, "mistakes"):
        for path, spec in _parts(recipe):
            try:
                _build(path, spec, recipe, problem)
            except SpecError as error:
                found.append(_mistake(path, error))
            except (TooLargeError, PluginError) as error:
                found.append(Mistake(path=path, problem=str(error)))
    return list({str(mistake): mistake for mistake in found}.values())


def _declared(recipe: Recipe) -> tuple[Problem, Extent]:
    """What the dataset says of itself."""
    what = class_of(recipe.data)
    with plugin_code(what):
        problem, extent = recipe.data.problem(), recipe.data.extent()
    if not isinstance(problem, Problem) or not isinstance(extent, Extent):
        raise PluginError(f"{what}: problem() and extent() must give a Problem and an Extent")
    return problem, extent


def _parts(recipe: Recipe) -> Iterator[tuple[str, object]]:
    """The spec of everything that `build_system` builds, by its path in the recipe."""
    yield from (("encoder", recipe.encoder), ("operator", recipe.operator), ("decoder", recipe.decoder))
    yield from ((f"latent_transforms.{name}", transform) for name, transform in recipe.latent_transforms.items())
    yield from ((f"guards.{name}", guard) for name, guard in recipe.guards.items())
    yield "sampler", recipe.sampler
    yield from ((f"losses.{name}", term.loss) for name, term in recipe.losses.items())
    for table in _NAMED:
        yield from ((f"{table}.{name}", spec) for name, spec in getattr(recipe, table).items())


def _build(path: str, spec: Any, recipe: Recipe, problem: Problem) -> None:  # kinds share no `build`
    """Build one part. Raises SpecError, TooLargeError, or PluginError for anything else that is wrong."""
    table = path.partition(".")[0]
    with plugin_code(class_of(spec), TooLargeError), limited():
        built = spec.build(problem, recipe.latent) if table in _WITH_LATENT else spec.build(problem)
    if table == "sampler":
        right, expected = isinstance(built, Sampling), "a Sampling"
    elif table in _WITH_LATENT:
        right, expected = isinstance(built, nn.Module), "a torch module"
    else:
        right, expected = callable(built), "a function"
    if not right:
        raise PluginError(f"{class_of(spec)}: build gives {type(built).__name__}, expected {expected}")


def _mistake(path: str, error: SpecError) -> Mistake:
    """A component's complaint with its place in the recipe; a field that begins with `latent.` is one of `[latent]`."""
    inside = error.field if error.field.startswith("latent.") else f"{path}.{error.field}"
    return Mistake(path=inside, problem=error.problem)


def _extent_mistakes(recipe: Recipe, extent: Extent) -> Iterator[Mistake]:
    """More frames or finer grids than the data has."""
    if recipe.evaluation.context >= extent.frames:
        problem = f"{recipe.evaluation.context} given frames leave nothing to predict: the data has {extent.frames}"
        yield Mistake(path="evaluation.context", problem=problem)
    for factor in recipe.evaluation.super_resolution:
        if extent.refinement % factor:
            problem = f"{factor} is not possible: the test split has {extent.refinement} times the training resolution"
            yield Mistake(path="evaluation.super_resolution", problem=problem)
    for name, stage in recipe.stages.items():
        if stage.unroll >= extent.frames:
            problem = f"{stage.unroll} predicted frames are too many: the data has {extent.frames} frames"
            yield Mistake(path=f"stages.{name}.unroll", problem=problem)


def _size_mistakes(recipe: Recipe, problem: Problem, extent: Extent) -> Iterator[Mistake]:
    """More data than any machine makes or holds."""
    trajectories = recipe.data.train + recipe.data.validation + recipe.data.test
    numbers = trajectories * extent.frames * problem.grid.num_points * problem.num_channels
    if numbers > MOST_DATA:
        yield Mistake(path="data", problem=f"too large: {numbers:.1e} numbers, of which 1e12 take 4 TB")


def _stage_mistakes(recipe: Recipe) -> Iterator[Mistake]:
    """Stages whose settings contradict one another."""
    for name, stage in recipe.stages.items():
        path = f"stages.{name}"
        if stage.unroll == 0 and "operator" in stage.trains:
            yield Mistake(path=f"{path}.unroll", problem="0 predicts nothing, so the operator cannot be trained")
        if stage.unroll == 0 and stage.select != "reconstruction":
            yield Mistake(
                path=f"{path}.select", problem=f"{stage.select!r} does not change in a stage that only reconstructs"
            )
        shares = sum(recipe.losses[loss].share or 0.0 for loss in stage.losses)
        if shares >= 1:
            problem = f"the shares of its terms add up to {shares:g}; less than 1 must be left for terms with a weight"
            yield Mistake(path=f"{path}.losses", problem=problem)
        if all(recipe.losses[loss].share is not None for loss in stage.losses):
            yield Mistake(
                path=f"{path}.losses", problem="every term has a 'share'; one needs a 'weight' to set the scale"
            )
    if "nrmse" not in recipe.metrics:
        yield Mistake(path="metrics.nrmse", problem="missing; checkpoints and super-resolution are judged by it")
