"""Another set of points for each sample, or for each frame of a rollout."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import attrs
import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Occasion, Points, Problem, Sampler, Sampling, SpecError


@frozen(kw_only=True)
class PerSample(Sampler):
    """Draws with `sampler` for each sample of the batch by itself: B sets of Q points, x_b ~ `sampler`(u_b) → (B Q d).

    More of the grid is seen in each step than by one set for all, at the cost of B draws. A sampler that goes by the
    truth, such as `importance`, goes by each sample's own.
    """

    example: ClassVar[Mapping[str, object]] = {"sampler": {"use": "uniform", "fraction": 0.5}}

    sampler: Sampler
    """What draws each set; one set at a time, of grid points or any."""

    def build(self, problem: Problem) -> Sampling:
        """The draws; SpecError on `sampler` if that draws several sets itself."""
        if isinstance(self.sampler, PerSample | PerFrame):
            raise SpecError("sampler.use", "draws several sets itself; put `per_frame` around `per_sample`")
        return _PerSample(self.sampler.build(problem))


class _PerSample(Sampling):
    def __init__(self, inner: Sampling) -> None:
        super().__init__()
        self.inner = inner
        self.learns = inner.learns

    def draw(self, occasion: Occasion) -> Points:
        return stacked([self.inner.draw(attrs.evolve(occasion, truth=sample[None])) for sample in occasion.truth], 0)

    def observe(self, points: Points, error: Float[Tensor, "B K Q"]) -> None:
        self.inner.observe(points, error)


@frozen(kw_only=True)
class PerFrame(Sampler):
    """Draws with `sampler` for each predicted frame by itself: K sets of points, x_k ~ `sampler`(u_k) → (1 K Q d).

    A sampler that goes by the truth goes by that of the frame. Around `per_sample` each sample and frame has its own.
    """

    example: ClassVar[Mapping[str, object]] = {"sampler": {"use": "uniform", "fraction": 0.5}}

    sampler: Sampler
    """What draws each set."""

    def build(self, problem: Problem) -> Sampling:
        """The draws; SpecError on `sampler` if that is `per_frame` again."""
        if isinstance(self.sampler, PerFrame):
            raise SpecError("sampler.use", "draws a set for each frame itself")
        return _PerFrame(self.sampler.build(problem))


class _PerFrame(Sampling):
    def __init__(self, inner: Sampling) -> None:
        super().__init__()
        self.inner = inner
        self.learns = inner.learns

    def draw(self, occasion: Occasion) -> Points:
        frames = range(1, max(2, occasion.truth.shape[1]))  # one set where a step only reconstructs
        drawn = [self.inner.draw(attrs.evolve(occasion, truth=_frame(occasion.truth, frame))) for frame in frames]
        if drawn[0].coordinates.ndim == 2:
            drawn = [stacked([points], 0) for points in drawn]
        return stacked(drawn, 1)

    def observe(self, points: Points, error: Float[Tensor, "B K Q"]) -> None:
        self.inner.observe(points, error)


def _frame(truth: Float[Tensor, "B frames N C"], frame: int) -> Float[Tensor, "B 2 N C"]:
    """A frame and the given one; the given one alone where there is no other."""
    return torch.cat([truth[:, :1], truth[:, frame : frame + 1]], dim=1)


def stacked(drawn: Sequence[Points], dim: int) -> Points:
    """Several draws of one sampler as sets of one."""

    def join(read: Callable[[Points], Tensor | None]) -> Tensor | None:
        parts = [part for points in drawn if (part := read(points)) is not None]
        return torch.stack(parts, dim) if parts else None

    coordinates = join(lambda points: points.coordinates)
    assert coordinates is not None
    return Points(
        coordinates=coordinates,
        index=join(lambda points: points.index),
        weights=join(lambda points: points.weights),
        interpolate=drawn[0].interpolate,
    )
