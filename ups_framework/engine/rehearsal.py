"""Every stage once forward before the first step of training, so that nothing dies after hours for a known reason."""

import copy
from collections.abc import Iterator

import attrs

from ups_framework.api import Data
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System
from ups_framework.engine.randomness import seeded
from ups_framework.errors import RunError

_BATCH = 4
"""Windows: enough for terms that compare samples."""


def rehearse(system: System, data: Data, first: int = 0) -> None:
    """Evaluate the terms of all stages from the `first` on, with all frames unrolled, on a copy of what they change.

    Raises what a term, the sampler or a part raises, and RunError for terms that depend on nothing their stage trains.
    """
    training = attrs.evolve(system.recipe.training, batch=min(_BATCH, system.recipe.training.batch), accumulate=1)
    trial = attrs.evolve(
        system,
        recipe=attrs.evolve(system.recipe, training=training),
        simulator=copy.deepcopy(system.simulator),
        sampler=copy.deepcopy(system.sampler),
    )
    names = [name for name in list(system.recipe.stages)[first:] if system.recipe.stages[name].steps]
    idle = [problem for name in names for problem in _idle(trial, data, name)]
    if idle:
        raise RunError("\n".join(idle))


def _idle(system: System, data: Data, name: str) -> Iterator[str]:
    """A line for each term of a stage that depends on no trained part."""
    stage, objective, batches = system.recipe.stages[name], system.objectives[name], Batches(system, data, name)
    for part, module in system.simulator.parts.items():
        module.requires_grad_(part in stage.trains)
    with seeded(batches.device, system.recipe.seed, "rehearsal", name):
        step = batches.audit_step(0)
        for term in objective.terms:
            if not objective.value(term, step).requires_grad:
                nothing = " and nothing is predicted, since unroll = 0" if stage.unroll == 0 else ""
                yield (
                    f"losses.{term}: has no effect in stage {name!r}: it depends on nothing that the stage trains "
                    f"({', '.join(stage.trains)}){nothing}. Remove it from stages.{name}.losses, or train what it reads"
                )
