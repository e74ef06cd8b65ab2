"""Few points at first, more later, or the other way round."""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import attrs
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, Occasion, Points, Problem, Sampler, Sampling, SpecError

_FRACTION = [validators.gt(0.0), validators.le(1.0)]


@frozen(kw_only=True)
class Curriculum(Sampler):
    """Draws with `sampler` a fraction of the grid's points that goes from `start` to `end` over the stage.

    With s = progress / `over` up to 1: linear f = start + (end − start) s, cosine f = start + (end − start)
    (1 − cos πs)/2, exponential f = start (end/start)^s, constant f = end. Exact at both ends, rounded to whole points.
    """

    example: ClassVar[Mapping[str, object]] = {"sampler": {"use": "uniform", "fraction": 0.5}}

    sampler: Sampler
    """What draws; its own number of points is not used."""

    start: float = field(default=0.1, validator=_FRACTION)
    """Fraction of the grid's points at the first step."""

    end: float = field(default=1.0, validator=_FRACTION)
    """Fraction from `over` on."""

    shape: Literal["constant", "linear", "cosine", "exponential"] = "linear"
    """How it goes from one to the other."""

    over: float = field(default=1.0, validator=_FRACTION)
    """Fraction of the stage's steps that this takes."""

    def build(self, problem: Problem) -> Sampling:
        """The draw; SpecError on `sampler` if that draws what it likes, such as `dense`."""
        if not self.sampler.counts:
            name = type(self.sampler).__name__
            raise SpecError("sampler.use", f"{name} draws its own number of points; take one that can be told how many")
        return _Curriculum(self, self.sampler.build(problem), problem.grid)

    def fraction(self, progress: float) -> float:
        """The fraction after so much of the stage, from 0 to 1."""
        s = min(1.0, progress / self.over)
        if self.shape == "constant" or s == 1.0:
            return self.end
        if self.shape == "exponential":
            return self.start * math.pow(self.end / self.start, s)
        done = s if self.shape == "linear" else (1 - math.cos(math.pi * s)) / 2
        return self.start + (self.end - self.start) * done


class _Curriculum(Sampling):
    def __init__(self, spec: Curriculum, inner: Sampling, grid: Grid) -> None:
        super().__init__()
        self.spec, self.inner, self.grid = spec, inner, grid
        self.learns = inner.learns

    def draw(self, occasion: Occasion) -> Points:
        count = max(1, round(self.spec.fraction(occasion.progress) * self.grid.num_points))
        return self.inner.draw(attrs.evolve(occasion, count=count))

    def observe(self, points: Points, error: Float[Tensor, "B K Q"]) -> None:
        self.inner.observe(points, error)
