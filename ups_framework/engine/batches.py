"""What a training step is made of: its windows, its points and its chance, each a function of stage and step."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Data, Occasion, Points, Step
from ups_framework.border import class_of, plugin_code
from ups_framework.data.windows import Windows
from ups_framework.engine.build import System
from ups_framework.numerics.random import generator
from ups_framework.recipe.recipe import Stage


class Batches:
    """Draws the batches of one stage. The same step always gives the same batch, whatever was drawn before."""

    def __init__(self, system: System, data: Data, stage: str) -> None:
        self._system, self._name = system, stage
        self._stage: Stage = system.recipe.stages[stage]
        self._windows = Windows(data.train, data.symmetries if system.recipe.training.augment else ())
        self._device = data.train.values.device
        self._whole_grid = system.objectives[stage].whole_grid or bool(system.simulator.guards)
        """Guards decode the whole grid anyway; so does a sampler that takes all of it."""
        self.points_used = 0
        """Points of the last batch that was drawn."""

    def steps(self, purpose: str, step: int, frames: int, micro_batches: int) -> Iterator[Step]:
        """`micro_batches` batches with `frames` predicted frames each; their points are drawn together."""
        seed, batch = self._system.recipe.seed, self._system.recipe.training.batch
        draw = generator(seed, purpose, "windows", self._name, step)
        values, parameters = self._windows.draw(draw, batch * micro_batches, frames + 1)
        points = self._points(purpose, step, values)
        for number in range(micro_batches):
            its = slice(number * batch, (number + 1) * batch)
            yield Step(
                model=self._system.simulator,
                truth=values[its],
                parameters=parameters[its],
                points=points.of_samples(its.start, its.stop),
                whole_grid=self._whole_grid or len(points) == values.shape[2],
                detach_every=self._stage.detach_every,
            )

    def audit_step(self, step: int) -> Step:
        """The batch of an audit, with all frames unrolled; made anew at each call, and always the same."""
        (batch,) = self.steps("audit", step, self._stage.unroll, 1)
        return batch

    def _points(self, purpose: str, step: int, truth: Float[Tensor, "B frames N C"]) -> Points:
        """The points that a step supervises."""
        occasion = Occasion(
            generator=generator(self._system.recipe.seed, purpose, "points", self._name, step),
            truth=truth,
            progress=step / max(1, self._stage.steps - 1),
        )
        with plugin_code(f"sampler ({class_of(self._system.recipe.sampler)})"):
            points = self._system.sampler.draw(occasion)
        self.points_used = len(points)
        return points

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self._device
