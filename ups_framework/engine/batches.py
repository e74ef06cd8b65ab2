"""What a training step is made of: its windows, its points and its chance, each a function of stage and step."""

from collections.abc import Iterator

import torch
from attrs import evolve

from ups_framework.api import Data, Points, Step
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

    def steps(self, purpose: str, step: int, frames: int, micro_batches: int) -> Iterator[Step]:
        """`micro_batches` batches with `frames` predicted frames each, which all supervise the same points."""
        seed, batch = self._system.recipe.seed, self._system.recipe.training.batch
        points = self.points(purpose, step)
        draw = generator(seed, purpose, "windows", self._name, step)
        values, parameters = self._windows.draw(draw, batch * micro_batches, frames + 1)
        for window, its_parameters in zip(values.split(batch), parameters.split(batch), strict=True):
            yield Step(
                model=self._system.simulator,
                truth=window,
                parameters=its_parameters,
                points=points,
                whole_grid=self._system.objectives[self._name].whole_grid,
                detach_every=self._stage.detach_every,
            )

    def audit_step(self, step: int) -> Step:
        """The batch of an audit, with all frames unrolled; made anew at each call, and always the same."""
        (batch,) = self.steps("audit", step, self._stage.unroll, 1)
        return batch

    def points(self, purpose: str, step: int) -> Points:
        """The points that a step supervises."""
        points = self._system.sampler(generator(self._system.recipe.seed, purpose, "points", self._name, step))
        return evolve(
            points,
            coordinates=points.coordinates.to(self._device, non_blocking=True),
            index=points.index.to(self._device, non_blocking=True),
        )

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self._device
