"""Every stage once forward before the first step of training, so that nothing dies after hours for a known reason.

`rehearse` has the real data. `find_idle_terms` has none, and finds in a check what would stop the run.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import attrs
import torch

from ups_framework.api import Data, Trajectories
from ups_framework.border import class_of
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System, build_system
from ups_framework.engine.randomness import seeded
from ups_framework.errors import Mistake, RunError, UpsError
from ups_framework.numerics.random import generator
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe
from ups_framework.recipe.recipe import Stage

_BATCH = 4
"""Windows: enough for terms that compare samples."""

_Trying = Callable[[str], AbstractContextManager[object]]
"""Surrounds the trial of what is named, and may keep what it raises."""


def rehearse(system: System, data: Data, first: int = 0) -> None:
    """Evaluate the terms of all stages from the `first` on, with all frames unrolled, on a copy of what they change.

    Raises what a term, the sampler or a part raises, and RunError for terms that depend on nothing their stage trains.
    """
    trial = attrs.evolve(
        system,
        recipe=_in_small_batches(system.recipe),
        simulator=copy.deepcopy(system.simulator),
        sampler=copy.deepcopy(system.sampler),
    )
    names = [name for name in list(system.recipe.stages)[first:] if system.recipe.stages[name].steps]
    idle = [mistake for name in names for mistake in _idle(trial, data, name)]
    if idle:
        raise RunError("\n".join(map(str, idle)))


def find_idle_terms(recipe: Recipe, registry: Registry, report: Callable[[str], None]) -> list[Mistake]:
    """Terms that depend on nothing that their stage trains, of a recipe that `find_mistakes` has nothing to say about.

    Its frames are made up. A term or a part that cannot compute on such is told to `report` once and passed over: it
    may have a fault, or need real frames; the rehearsal, which has such, judges it.
    """
    told: list[str] = []
    system = build_system(_in_small_batches(recipe), registry)
    found: list[Mistake] = []
    for name, stage in recipe.stages.items():
        if stage.steps:
            found += _idle(system, _made_up(system, 1 + stage.unroll), name, partial(_telling, told.append))
    for text in dict.fromkeys(told):
        report(text)
    return found


@contextmanager
def _telling(tell: Callable[[str], None], what: str) -> Iterator[None]:
    """What is tried inside may fail: why is told."""
    try:
        yield
    except UpsError as error:
        tell(f"{what} could not be tried on made-up frames: {str(error).removeprefix(f'{what}: ')}")


def _in_small_batches(recipe: Recipe) -> Recipe:
    small = attrs.evolve(recipe.training, batch=min(_BATCH, recipe.training.batch), accumulate=1)
    return attrs.evolve(recipe, training=small)


def _made_up(system: System, frames: int) -> Data:
    """Noise around 1, in the shape of the problem's data."""
    problem = system.problem
    shape = (_BATCH, frames, problem.grid.num_points, problem.num_channels)
    values = 1 + 0.1 * torch.randn(shape, generator=generator(system.recipe.seed, "made-up frames"))
    middle = torch.tensor([(parameter.low + parameter.high) / 2 for parameter in problem.parameters])
    split = Trajectories(values=values, parameters=middle.expand(_BATCH, -1), grid=problem.grid, dt=problem.dt)
    return Data(problem=problem, train=split, validation=split, test=split)


def _idle(system: System, data: Data, name: str, trying: _Trying = nullcontext) -> Iterator[Mistake]:
    """A mistake for each term of a stage that depends on no trained part."""
    recipe, objective, batches = system.recipe, system.objectives[name], Batches(system, data, name)
    stage = recipe.stages[name]
    for part, module in system.simulator.parts.items():
        module.requires_grad_(part in stage.trains)
    with seeded(batches.device, recipe.seed, "rehearsal", name), trying(f"sampler ({class_of(recipe.sampler)})"):
        step = batches.audit_step(0)
        for term, setting in objective.settings.items():
            with trying(f"losses.{term} ({class_of(setting.loss)})"):
                if not objective.value(term, step).requires_grad:
                    yield _without_effect(term, name, stage)


def _without_effect(term: str, name: str, stage: Stage) -> Mistake:
    nothing = " and nothing is predicted, since unroll = 0" if stage.unroll == 0 else ""
    problem = (
        f"has no effect in stage {name!r}: it depends on nothing that the stage trains "
        f"({', '.join(stage.trains)}){nothing}. Remove it from stages.{name}.losses, or train what it reads"
    )
    return Mistake(path=f"losses.{term}", problem=problem)
