"""A recipe made live. This is the one file that knows how the parts fit together: read it from top to bottom."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import torch
from attrs import field, frozen
from torch import nn

from ups_framework.api import (
    Baseline,
    Decoder,
    Encoder,
    Forecast,
    Guard,
    LatentSize,
    LatentTransform,
    Measure,
    Operator,
    Plot,
    Problem,
    Sampling,
)
from ups_framework.border import class_of, guarded, plugin_code
from ups_framework.engine.objective import Objective
from ups_framework.engine.randomness import seeded
from ups_framework.engine.simulator import Simulator
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import Recipe, from_plain, to_plain
from ups_framework.recipe.recipe import SimulatorSettings


@frozen(kw_only=True, eq=False)
class System:
    """Everything that a recipe describes, live, except its data."""

    recipe: Recipe
    """What it was built from."""

    problem: Problem
    """What is simulated."""

    simulator: Simulator
    """The networks."""

    sampler: Sampling
    """Draws the points of a step."""

    objectives: Mapping[str, Objective]
    """One a stage."""

    metrics: Mapping[str, Measure]
    """For the evaluation, by name."""

    baselines: Mapping[str, Forecast]
    """For the evaluation, by name."""

    pictures: Mapping[str, Plot]
    """For the report, by name."""

    def trained_parts(self, stage: str) -> dict[str, nn.Module]:
        """The modules that a stage trains, by name."""
        return {part: self.simulator.parts[part] for part in self.recipe.stages[stage].trains}


def build_system(recipe: Recipe, registry: Registry) -> System:
    """Build every part of a recipe that `find_mistakes` has nothing to say about."""
    problem = recipe.data.problem()
    described = _SimulatorDescription.of(recipe, problem)
    simulator = _build_simulator(described, to_plain(described, registry), recipe.seed)
    terms = {
        name: guarded(f"losses.{name} ({class_of(item.loss)})", item.loss.build(problem))
        for name, item in recipe.losses.items()
    }
    objectives = {
        name: Objective(
            terms={loss: terms[loss] for loss in stage.losses},
            settings={loss: recipe.losses[loss] for loss in stage.losses},
        )
        for name, stage in recipe.stages.items()
    }
    return System(
        recipe=recipe,
        problem=problem,
        simulator=simulator,
        sampler=recipe.sampler.build(problem),
        objectives=objectives,
        metrics={
            name: guarded(f"metrics.{name} ({class_of(item)})", item.build(problem))
            for name, item in recipe.metrics.items()
        },
        baselines={
            name: guarded(f"baselines.{name} ({class_of(item)})", item.build(problem))
            for name, item in recipe.baselines.items()
        },
        pictures={name: item.build(problem) for name, item in recipe.pictures.items()},
    )


@frozen(kw_only=True)
class _SimulatorDescription:
    """The part of a recipe that a simulator's file holds, so that it is built again without the recipe."""

    problem: Problem
    latent: LatentSize
    encoder: Encoder
    operator: Operator
    decoder: Decoder
    simulator: SimulatorSettings
    precision: Literal["float32", "bfloat16"]
    latent_transforms: dict[str, LatentTransform] = field(factory=dict)
    guards: dict[str, Guard] = field(factory=dict)
    baselines: dict[str, Baseline] = field(factory=dict)
    """That which `simulator.corrects` names."""

    @classmethod
    def of(cls, recipe: Recipe, problem: Problem) -> "_SimulatorDescription":
        return cls(
            problem=attrs.evolve(problem, residual=None),
            latent=recipe.latent,
            encoder=recipe.encoder,
            operator=recipe.operator,
            decoder=recipe.decoder,
            latent_transforms=recipe.latent_transforms,
            guards=recipe.guards,
            baselines={name: each for name, each in recipe.baselines.items() if name == recipe.simulator.corrects},
            simulator=recipe.simulator,
            precision=recipe.training.precision,
        )


def _build_simulator(described: _SimulatorDescription, plain: Mapping[str, Any], seed: int) -> Simulator:
    """Parts with weights drawn from `seed`; each part's draw is its own."""
    parts = {}
    for name in ("encoder", "operator", "decoder"):
        with seeded(torch.device("cpu"), seed, "weights", name):
            parts[name] = getattr(described, name).build(described.problem, described.latent)
    with seeded(torch.device("cpu"), seed, "weights", "latent_transforms"):
        transforms = [each.build(described.problem, described.latent) for each in described.latent_transforms.values()]
    return Simulator(
        problem=described.problem,
        encoder=parts["encoder"],
        operator=parts["operator"],
        decoder=parts["decoder"],
        transforms=transforms,
        guards=[guard.build(described.problem) for guard in described.guards.values()],
        solver=_solver_of(described),
        settings=described.simulator,
        precision=torch.bfloat16 if described.precision == "bfloat16" else torch.float32,
        description=plain,
    )


def _solver_of(described: _SimulatorDescription) -> Forecast | None:
    """What the networks correct."""
    name = described.simulator.corrects
    if name is None:
        return None
    item = described.baselines[name]
    what = f"baselines.{name} ({class_of(item)})"
    with plugin_code(what):
        return guarded(what, item.build(described.problem))


def rebuild_simulator(plain: Mapping[str, Any]) -> Simulator:
    """The simulator of a saved file's description, with untrained weights."""
    registry = load_plugins()
    described = from_plain(dict(plain), _SimulatorDescription, registry)
    return _build_simulator(described, to_plain(described, registry), seed=0)
