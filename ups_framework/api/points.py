"""Which points a training step supervises."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import attrs
import torch
from attrs import frozen
from jaxtyping import Float, Int
from torch import Tensor, nn


@frozen(kw_only=True, eq=False)
class Points:
    """Points of the training grid, or between its points.

    `*sets` is nothing where all samples and frames share the points, B where each sample has its own, and B K or 1 K
    where each predicted frame has (then frame 1's are those of a reconstruction).
    """

    coordinates: Float[Tensor, "*sets Q d"]
    """Where they are, in the units of the axes."""

    index: Int[Tensor, "*sets Q"] | None
    """Which points of the flattened grid they are, none twice in a set; None off the grid."""

    weights: Float[Tensor, "*sets Q"] | None = None
    """What errors count: with these the mean over the points has the expectation of that over the whole grid. None
    where all points count alike."""

    interpolate: Callable[[Float[Tensor, "B K N C"], Float[Tensor, "*sets Q d"]], Float[Tensor, "B K Q C"]] | None = (
        None
    )
    """Off the grid: fields on the grid → the fields at coordinates of this form."""

    def __attrs_post_init__(self) -> None:
        assert (self.index is None) != (self.interpolate is None), "points have either an index or an interpolation"

    def __len__(self) -> int:
        """Points of a set, Q."""
        return self.coordinates.shape[-2]

    def of_frame(self, frame: int) -> "Points":
        """The sets of predicted frame 1 … K: nothing or B of them."""
        if self.coordinates.ndim < 4:
            return self
        return self._mapped(lambda sets: _without_one(sets[:, frame - 1]))

    def of_samples(self, first: int, last: int) -> "Points":
        """The sets of samples `first` … `last` − 1 of the batch."""
        if self.coordinates.ndim < 3 or len(self.coordinates) == 1:
            return self
        return self._mapped(lambda sets: sets[first:last])

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> "Points":
        index, weights = self.index, self.weights
        return attrs.evolve(
            self,
            coordinates=change(self.coordinates),
            index=None if index is None else change(index),
            weights=None if weights is None else change(weights),
        )

    def read(self, values: Float[Tensor, "B K N C"]) -> Float[Tensor, "B K Q C"]:
        """Fields on the training grid at these points, one set for all K frames or K sets."""
        if self.interpolate is not None:
            return self.interpolate(values, self.coordinates)
        assert self.index is not None
        if self.index.ndim == 1:
            return values.index_select(2, self.index)
        index = self.index.unsqueeze(1) if self.index.ndim == 2 else self.index
        index = index[..., None].expand(*values.shape[:2], -1, values.shape[-1])
        return values.gather(2, index)


def _without_one(sets: Tensor) -> Tensor:
    """One set for all samples in place of a batch of one."""
    return sets[0] if len(sets) == 1 else sets


@frozen(kw_only=True, eq=False)
class Occasion:
    """What a sampler may go by when it draws."""

    generator: torch.Generator
    """The only source of chance; on the CPU."""

    truth: Float[Tensor, "B frames N C"]
    """The batch on the training grid, physical units; frames 1 … K are to be predicted."""

    progress: float
    """How far the stage is, from 0 to 1."""

    count: int | None = None
    """How many points are asked for, in place of the sampler's own number."""


class Sampling(nn.Module, ABC):
    """What a sampler builds. A torch module, so that what it learns is in buffers, on the device and in checkpoints."""

    learns: bool = False
    """Whether it wants to see errors."""

    @abstractmethod
    def draw(self, occasion: Occasion) -> Points:
        """The points of one step, on the device of the truth, with `occasion.count` points where that is given.

        No other source of chance than the occasion's generator; no waiting for the device.
        """

    def observe(self, points: Points, error: Float[Tensor, "B K Q"]) -> None:
        """Learn from the square errors that a step had at its points, summed over channels of unit variance."""
