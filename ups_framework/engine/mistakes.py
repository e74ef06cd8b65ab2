"""Mistakes of a recipe that only show when its parts meet the problem and one another. No data is read or made."""

from collections.abc import Callable, Iterator

import torch

from ups_framework.api import Extent, Problem
from ups_framework.engine.limits import MOST_DATA, TooLargeError, limited
from ups_framework.engine.randomness import seeded
from ups_framework.errors import DataError, Mistake, SpecError
from ups_framework.recipe import Recipe


def find_mistakes(recipe: Recipe) -> list[Mistake]:
    """All of them, with the path of each wrong value; empty if the recipe can be built."""
    found = list(_stage_mistakes(recipe))
    try:
        problem = recipe.data.problem()
        extent = recipe.data.extent()
        found += [*_extent_mistakes(recipe, extent), *_size_mistakes(recipe, problem, extent)]
    except SpecError as error:
        return [*found, _mistake("data", error)]
    except DataError as error:  # of a file that the recipe names
        return [*found, Mistake(path="data", problem=str(error))]
    with seeded(torch.device("cpu"), recipe.seed, "mistakes"):
        for path, build in _builds(recipe, problem):
            try:
                with limited():
                    build()
            except SpecError as error:
                found.append(_mistake(path, error))
            except TooLargeError as error:
                found.append(Mistake(path=path, problem=str(error)))
    return list({str(mistake): mistake for mistake in found}.values())


def _builds(recipe: Recipe, problem: Problem) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that `build_system` builds, by its path in the recipe."""
    yield "encoder", lambda: recipe.encoder.build(problem, recipe.latent)
    yield "operator", lambda: recipe.operator.build(problem, recipe.latent)
    yield "decoder", lambda: recipe.decoder.build(problem, recipe.latent)
    for name, transform in recipe.latent_transforms.items():
        path = f"latent_transforms.{name}"
        yield path, lambda transform=transform: transform.build(problem, recipe.latent)  # type: ignore[misc]  # bound now
    for name, guard in recipe.guards.items():
        yield f"guards.{name}", lambda guard=guard: guard.build(problem)  # type: ignore[misc]  # bound now
    yield "sampler", lambda: recipe.sampler.build(problem)
    for name, term in recipe.losses.items():
        yield f"losses.{name}", lambda term=term: term.loss.build(problem)  # type: ignore[misc]  # bound now
    for name, metric in recipe.metrics.items():
        yield f"metrics.{name}", lambda metric=metric: metric.build(problem)  # type: ignore[misc]  # bound now
    for name, baseline in recipe.baselines.items():
        yield f"baselines.{name}", lambda baseline=baseline: baseline.build(problem)  # type: ignore[misc]  # bound now
    for name, picture in recipe.pictures.items():
        yield f"pictures.{name}", lambda picture=picture: picture.build(problem)  # type: ignore[misc]  # bound now


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
