"""Mistakes of a recipe that only show when its parts meet the problem and one another. No data is read or made."""

from collections.abc import Iterator
from typing import Any

import attrs
import torch
from torch import nn

from ups_framework.api import Dataset, Extent, Problem, Sampling
from ups_framework.border import class_of, plugin_code
from ups_framework.engine.limits import MOST_DATA, TooLargeError, limited
from ups_framework.engine.randomness import seeded
from ups_framework.errors import DataError, Mistake, PluginError, SpecError
from ups_framework.recipe import Recipe, Tables, tables_of
from ups_framework.recipe.gate_metrics import BY_FIELD
from ups_framework.suggest import did_you_mean, listed

_WITH_LATENT = ("encoder", "operator", "decoder", "latent_transforms")
"""Parts whose `build` takes the size of the latent, and gives a module."""

_BUILT = (*_WITH_LATENT, "guards", "sampler", "losses", "metrics", "baselines", "pictures")
"""Tables of everything that `build_system` builds."""


def find_mistakes(recipe: Recipe) -> list[Mistake]:
    """All of them, with the path of each wrong value; empty if the recipe can be built.

    Whatever a plugin's code raises is one of them, and so is what `build` gives if it is of the wrong type.
    """
    return mistakes_between(tables_of(recipe))


def mistakes_between(tables: Tables) -> list[Mistake]:
    """The same for as much of a recipe as can be read; a table that is missing here is judged by nobody."""
    found = list(_stage_mistakes(tables))
    if "data" not in tables:
        return found
    try:
        problem, extent = _declared(tables["data"])
        found += [*_extent_mistakes(tables, extent), *_size_mistakes(tables["data"], problem, extent)]
        found += _gate_mistakes(tables, problem)
    except SpecError as error:
        return [*found, _mistake("data", error)]
    except (DataError, PluginError) as error:  # of a file that the recipe names, or of a plugin
        return [*found, Mistake(path="data", problem=str(error))]
    with seeded(torch.device("cpu"), tables.get("seed", 0), "mistakes"):
        for path, spec in _parts(tables):
            try:
                _build(path, spec, tables, problem)
            except SpecError as error:
                found.append(_mistake(path, error))
            except (TooLargeError, PluginError) as error:
                found.append(Mistake(path=path, problem=str(error)))
    return list({str(mistake): mistake for mistake in found}.values())


def _declared(data: Dataset) -> tuple[Problem, Extent]:
    """What the dataset says of itself."""
    what = class_of(data)
    with plugin_code(what):
        problem, extent = data.problem(), data.extent()
    if not isinstance(problem, Problem) or not isinstance(extent, Extent):
        raise PluginError(f"{what}: problem() and extent() must give a Problem and an Extent")
    return problem, extent


def _parts(tables: Tables) -> Iterator[tuple[str, object]]:
    """The spec of everything that is built, by its path; without a latent size, only what needs none."""
    for path, spec in tables.items():
        table = path.partition(".")[0]
        if table in _BUILT and ("latent" in tables or table not in _WITH_LATENT):
            yield path, spec.loss if table == "losses" else spec


def _build(path: str, spec: Any, tables: Tables, problem: Problem) -> None:  # kinds share no `build`
    """Build one part. Raises SpecError, TooLargeError, or PluginError for anything else that is wrong."""
    table, _, name = path.partition(".")
    if table == "baselines" and "simulator" in tables and tables["simulator"].corrects == name:
        problem = attrs.evolve(problem, residual=None)  # as the simulator's file has it
    with plugin_code(class_of(spec), TooLargeError), limited():
        built = spec.build(problem, tables["latent"]) if table in _WITH_LATENT else spec.build(problem)
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


def _extent_mistakes(tables: Tables, extent: Extent) -> Iterator[Mistake]:
    """More frames or finer grids than the data has."""
    if (evaluation := tables.get("evaluation")) is not None:
        if evaluation.context >= extent.frames:
            problem = f"{evaluation.context} given frames leave nothing to predict: the data has {extent.frames}"
            yield Mistake(path="evaluation.context", problem=problem)
        for factor in evaluation.super_resolution:
            if extent.refinement % factor:
                problem = (
                    f"{factor} is not possible: the test split has {extent.refinement} times the training resolution"
                )
                yield Mistake(path="evaluation.super_resolution", problem=problem)
    for path, stage in _below(tables, "stages"):
        if stage.unroll >= extent.frames:
            problem = f"{stage.unroll} predicted frames are too many: the data has {extent.frames} frames"
            yield Mistake(path=f"{path}.unroll", problem=problem)


def _size_mistakes(data: Dataset, problem: Problem, extent: Extent) -> Iterator[Mistake]:
    """More data than any machine makes or holds."""
    trajectories = data.train + data.validation + data.test
    numbers = trajectories * extent.frames * problem.grid.num_points * problem.num_channels
    if numbers > MOST_DATA:
        yield Mistake(path="data", problem=f"too large: {numbers:.1e} numbers, of which 1e12 take 4 TB")


def _gate_mistakes(tables: Tables, problem: Problem) -> Iterator[Mistake]:
    """Gates of channels that the problem has not."""
    for path, gate in _below(tables, "gates"):
        channel = gate.metric.removeprefix(BY_FIELD)
        if channel != gate.metric and channel not in problem.channel_names:
            known = f"{did_you_mean(channel, problem.channel_names)}; channels are {listed(problem.channel_names)}"
            yield Mistake(path=f"{path}.metric", problem=f"the problem has no channel {channel!r}{known}")


def _stage_mistakes(tables: Tables) -> Iterator[Mistake]:
    """Stages whose settings contradict one another."""
    for path, stage in _below(tables, "stages"):
        if stage.unroll == 0 and "operator" in stage.trains:
            yield Mistake(path=f"{path}.unroll", problem="0 predicts nothing, so the operator cannot be trained")
        if stage.unroll == 0 and stage.select != "reconstruction":
            yield Mistake(
                path=f"{path}.select", problem=f"{stage.select!r} does not change in a stage that only reconstructs"
            )
        shares = [tables[key].share for name in stage.losses if (key := f"losses.{name}") in tables]
        if len(shares) < len(stage.losses):  # a term that cannot be read is a mistake of its own
            continue
        if (total := sum(share or 0.0 for share in shares)) >= 1:
            problem = f"the shares of its terms add up to {total:g}; less than 1 must be left for terms with a weight"
            yield Mistake(path=f"{path}.losses", problem=problem)
        if None not in shares:
            yield Mistake(
                path=f"{path}.losses", problem="every term has a 'share'; one needs a 'weight' to set the scale"
            )


def _below(tables: Tables, parent: str) -> Iterator[tuple[str, Any]]:
    return ((path, table) for path, table in tables.items() if path.startswith(f"{parent}."))
