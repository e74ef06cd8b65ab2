"""Which points a training step supervises."""

from collections.abc import Callable

import torch
from attrs import frozen
from jaxtyping import Float, Int
from torch import Tensor


@frozen(kw_only=True, eq=False)
class Points:
    """Points of the training grid."""

    coordinates: Float[Tensor, "Q d"]
    """Where they are, in the units of the axes."""

    index: Int[Tensor, " Q"]
    """Which points of the flattened grid they are; none occurs twice."""


Draw = Callable[[torch.Generator], Points]
"""What a sampler builds: draws the points of one step with the given generator and no other source of chance."""
