"""Which channels a component is about, and the tables that metrics give: one number a frame and channel."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Problem


def chosen(problem: Problem, field: str | None) -> slice:
    """The channels of one field, or all; SpecError on `field` if the problem has no such field."""
    return slice(0, problem.num_channels) if field is None else problem.channels(field)


def table(violation: Float[Tensor, "B T M c"], channels: slice, num_channels: int) -> Float[Tensor, "T C"]:
    """What a metric gives: the root mean square over trajectories and points of the chosen channels, 0 in others."""
    result = violation.new_zeros(violation.shape[1], num_channels)
    result[:, channels] = violation.square().mean(dim=(0, 2)).sqrt()
    return result


def from_second_frame(changes: Float[Tensor, "T-1 C"]) -> Float[Tensor, "T C"]:
    """A table of what each frame but the first does to the one before, for all: the first repeats the second.

    Where there is no second frame, the first is not a number.
    """
    first = changes[:1] if len(changes) else changes.new_full((1, changes.shape[1]), math.nan)
    return torch.cat([first, changes])


def mean_square_by_channel(
    found: Sequence[tuple[slice, Float[Tensor, "B T q"]]], num_channels: int
) -> Float[Tensor, "T C"]:
    """Mean square over trajectories at the channels that each of some quantities is about, 0 in others.

    Where a channel has several, their mean.
    """
    square = found[0][1].new_zeros(found[0][1].shape[1], num_channels)
    count = torch.zeros_like(square)
    for channels, violation in found:
        square[:, channels] += violation.square().mean(dim=0)
        count[:, channels] += 1
    return square / count.clamp_min(1)
