"""Steps whose gradient is far larger than those before: what a run that is about to diverge shows first."""

from collections.abc import Sequence
from statistics import median

FACTOR = 5.0
"""A gradient norm so many times the running median is a spike."""

MEMORY = 100
"""Steps that the running median looks back on."""

_ENOUGH = 10
"""Steps before anything is called a spike: the first gradients of a stage fall fast."""


def count_spikes(before: Sequence[float], norms: Sequence[float]) -> int:
    """How many of the gradient norms exceed FACTOR times the median of the MEMORY norms before each.

    `before` are the norms of earlier steps, oldest first.
    """
    known, count = list(before), 0
    for norm in norms:
        recent = known[-MEMORY:]
        if len(recent) >= _ENOUGH and norm > FACTOR * median(recent):
            count += 1
        known.append(norm)
    return count


def remembered(before: Sequence[float], norms: Sequence[float]) -> list[float]:
    """The norms that the next call of `count_spikes` needs to know."""
    return [*before, *norms][-MEMORY:]
