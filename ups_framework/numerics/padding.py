"""Padding of gridded tensors that respects each axis' boundary."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ups_framework.api import Axis


def pad_axes(
    values: Float[Tensor, "B C *grid"], axes: Sequence[Axis], amount: Sequence[int]
) -> Float[Tensor, "B C *padded"]:
    """Add `amount[i]` points at both ends of axis `i`: from the other end of a periodic axis, else the edge."""
    for position, (axis, width) in enumerate(zip(axes, amount, strict=True)):
        if width:
            values = _pad_one(values, 2 + position, width, "circular" if axis.periodic else "replicate")
    return values


def _pad_one(values: Tensor, dim: int, width: int, mode: str) -> Tensor:
    """Pad one dimension, moved to the end because `functional.pad` knows only trailing ones."""
    moved = values.movedim(dim, -1)
    flat = functional.pad(moved.flatten(0, -3), (width, width), mode=mode)
    return torch.unflatten(flat, 0, moved.shape[:-2]).movedim(-1, dim)
