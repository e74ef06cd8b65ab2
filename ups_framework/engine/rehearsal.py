"""Every stage once forward before the first step of training, so that nothing dies after hours for a known reason.

`rehearse` has the real data. `find_idle_terms` has none, and finds in a check what would stop the run.
"""

import copy
from collections.abc import Iterator

import attrs
import torch

from ups_framework.api import Data, Trajectories
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System, build_system
from ups_framework.engine.randomness import seeded
from ups_framework.errors import Mistake, RunError, UpsError
from ups_framework.numerics.random import generator
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe

_BATCH = 4
"""Windows: enough for terms that compare samples."""


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


def find_idle_terms(recipe: Recipe, registry: Registry) -> list[Mistake]:
    """Terms that depend on nothing that their stage trains, of a recipe that `find_mistakes` has nothing to say about.

    Its frames are made up. A stage with a part or a term that cannot compute on such is passed over: the rehearsal,
    which has real ones, judges it.
    """
    system = build_system(_in_small_batches(recipe), registry)
    found: list[Mistake] = []
    for name, stage in recipe.stages.items():
        try:
            found += _idle(system, _made_up(system, 1 + stage.unroll), name) if stage.steps else ()
        except UpsError:
            continue
    return found


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


def _idle(system: System, data: Data, name: str) -> Iterator[Mistake]:
    """A mistake for each term of a stage that depends on no trained part."""
    stage, objective, batches = system.recipe.stages[name], system.objectives[name], Batches(system, data, name)
    for part, module in system.simulator.parts.items():
        module.requires_grad_(part in stage.trains)
    with seeded(batches.device, system.recipe.seed, "rehearsal", name):
        step = batches.audit_step(0)
        for term in objective.terms:
            if not objective.value(term, step).requires_grad:
                nothing = " and nothing is predicted, since unroll = 0" if stage.unroll == 0 else ""
                problem = (
                    f"has no effect in stage {name!r}: it depends on nothing that the stage trains "
                    f"({', '.join(stage.trains)}){nothing}. Remove it from stages.{name}.losses, or train what it reads"
                )
                yield Mistake(path=f"losses.{term}", problem=problem)
