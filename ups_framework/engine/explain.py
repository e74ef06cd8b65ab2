"""What a recipe will do, measured on made-up fields before any data is read or made."""

import math
from collections.abc import Mapping
from typing import Literal

import attrs
import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Data, Latent, Occasion, Problem, Trajectories
from ups_framework.border import class_of, plugin_code
from ups_framework.engine.audit import GradientNorms, measure_gradients
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System, build_system
from ups_framework.engine.randomness import seeded
from ups_framework.engine.state import begin_stage
from ups_framework.numerics.random import generator
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe
from ups_framework.recipe.recipe import Part

_BATCH = 4
"""Windows that the gradients are measured on: enough for terms that compare samples."""

_WAVES = 3
"""Waves that a made-up field is the sum of."""

_ROUNDING = 1e-9
"""A gradient this much smaller than the largest term's is rounding, not effect."""

Effect = Literal["yes", "no", "not finite"]
"""Whether a loss term has a gradient in a part."""


@frozen(kw_only=True, eq=False)
class Explanation:
    """What building a recipe and one audit of each stage tell."""

    problem: Problem
    """What is simulated."""

    latent: Latent
    """Of made-up fields."""

    parameters: Mapping[Part, int]
    """Numbers that can be trained, by part."""

    points: int
    """Points that a step supervises."""

    effects: Mapping[str, Mapping[str, Mapping[str, Effect]]]
    """By stage, loss term and part that the stage trains; stages without steps are left out."""


def explain(recipe: Recipe, registry: Registry) -> Explanation:
    """Build a recipe that `find_mistakes` has nothing to say about, and measure what its losses reach."""
    batch = min(_BATCH, recipe.training.batch)
    small = attrs.evolve(recipe, training=attrs.evolve(recipe.training, batch=batch, augment=False))
    system = build_system(small, registry)
    frames = 1 + max(stage.unroll for stage in recipe.stages.values())
    made_up = made_up_trajectories(system.problem, frames, recipe.seed)
    system.simulator.normalise_by(made_up.values)
    data = Data(problem=system.problem, train=made_up, validation=made_up, test=made_up)
    with plugin_code(f"encoder ({class_of(recipe.encoder)})"), torch.no_grad():
        latent = system.simulator.encode(made_up.values[:, 0], made_up.parameters)
    parts = system.simulator.parts.items()
    return Explanation(
        problem=system.problem,
        latent=latent,
        parameters={name: sum(parameter.numel() for parameter in part.parameters()) for name, part in parts},
        points=_num_points(system, made_up.values),
        effects={name: _effects(system, data, name) for name, stage in recipe.stages.items() if stage.steps},
    )


def _num_points(system: System, truth: Tensor) -> int:
    with plugin_code(f"sampler ({class_of(system.recipe.sampler)})"):
        return len(system.sampler.draw(_occasion(system.recipe, truth)))


def _occasion(recipe: Recipe, truth: Tensor) -> Occasion:
    """The first step of a stage."""
    return Occasion(generator=generator(recipe.seed, "explain", "points"), truth=truth, progress=0.0)


def made_up_trajectories(problem: Problem, frames: int, seed: int) -> Trajectories:
    """Travelling waves u = 1 + Σ_k a_k Π_axis sin(2π m_k ξ + φ_k + ω_k t): smooth, and above zero for the most part.

    ξ runs from 0 to 1 along each axis. They solve no equation and keep no walls; their shapes and parameters are those
    of the problem, and that is enough to see which gradients exist.
    """
    draw = generator(seed, "explain", "fields")
    shape = (_BATCH, 1, 1, problem.num_channels, _WAVES)
    values: Tensor = 0.8 / _WAVES * torch.rand(shape, generator=draw)
    time = torch.arange(frames)[None, :, None, None, None]
    for axis, column in zip(problem.axes, problem.grid.points().unbind(dim=1), strict=True):
        place = ((column - axis.lower) / axis.length)[None, None, :, None, None]
        number = torch.randint(1, 3, shape, generator=draw)
        phase, speed = 2 * math.pi * torch.rand(shape, generator=draw), 0.2 * torch.rand(shape, generator=draw)
        values = values * torch.sin(2 * math.pi * number * place + phase + speed * time)
    parameters = _made_up_parameters(problem, draw)
    return Trajectories(values=1 + values.sum(-1), parameters=parameters, grid=problem.grid, dt=problem.dt)


def _made_up_parameters(problem: Problem, draw: torch.Generator) -> Float[Tensor, "B P"]:
    """Values between the lowest and the highest of each parameter."""
    columns = []
    for parameter in problem.parameters:
        part = torch.rand(_BATCH, generator=draw)
        if parameter.scale == "log":
            columns.append(parameter.low * (parameter.high / parameter.low) ** part)
        else:
            columns.append(parameter.low + (parameter.high - parameter.low) * part)
    return torch.stack(columns, dim=1) if columns else torch.zeros(_BATCH, 0)


def _effects(system: System, data: Data, name: str) -> Mapping[str, Mapping[str, Effect]]:
    """What each term of a stage reaches, as the audit before the stage's first step measures it."""
    begin_stage(system, list(system.recipe.stages).index(name))
    batches = Batches(system, data, name)
    norms = measure_gradients(
        system.objectives[name],
        lambda: batches.audit_step(0),
        system.trained_parts(name),
        lambda: seeded(batches.device, system.recipe.seed, "audit", name, 0),
    )
    finite = [norm for norm in norms.totals().values() if math.isfinite(norm)]
    floor = _ROUNDING * max(finite, default=0.0)
    return {term: {part: _effect(norms, term, part, floor) for part in norms.parts[term]} for term in norms.parts}


def _effect(norms: GradientNorms, term: str, part: str, floor: float) -> Effect:
    if not math.isfinite(norms.parts[term][part] + norms.raw[term]):
        return "not finite"
    return "yes" if norms.parts[term][part] > floor else "no"
