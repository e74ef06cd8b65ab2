"""How numbers are spread: counts in equal bins between the least and the greatest."""

from collections.abc import Sequence

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

NUM_BINS = 64


@frozen(kw_only=True)
class Distribution:
    """A histogram with NUM_BINS equal bins."""

    low: float
    """Lower edge of the first bin."""

    high: float
    """Upper edge of the last bin."""

    counts: tuple[int, ...]
    """How many numbers are in each bin."""


def distribution(tensors: Sequence[Float[Tensor, "..."]]) -> Distribution | None:
    """Of all numbers of some tensors; those that are not finite are left out, and None is said where none is left."""
    if not tensors:
        return None
    numbers = torch.cat([tensor.detach().flatten().float().cpu() for tensor in tensors])
    numbers = numbers[numbers.isfinite()]
    if not len(numbers):
        return None
    low, high = (float(bound) for bound in torch.aminmax(numbers))
    if low == high:
        half = max(abs(low), 1.0) / 2
        low, high = low - half, high + half
    counts = torch.histc(numbers, NUM_BINS, low, high)
    return Distribution(low=low, high=high, counts=tuple(int(count) for count in counts))
