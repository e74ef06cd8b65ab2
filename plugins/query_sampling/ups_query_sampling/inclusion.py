"""Exactly k different points, each with a given probability, and what errors there must count."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_MOST = 1 - 1e-9
"""Largest probability: a little below 1, so that rounding draws no point twice."""


def inclusion_probabilities(density: Float[Tensor, " N"], count: int) -> Float[Tensor, " N"]:
    """π_i = min(1, c · density_i) with c such that Σ π_i = count, in float64.

    Points that would be drawn more than once are drawn for certain, and the others share what is left.
    """
    density = density.double()
    falling, _ = density.sort(descending=True)
    rest = falling.flip(0).cumsum(0).flip(0)
    certain = torch.arange(count, device=density.device)
    scale = (count - certain) / rest[:count]
    enough = scale * falling[:count] <= 1
    first = enough.to(torch.uint8).argmax(dim=0, keepdim=True)  # a single number as an index is waited for
    return (scale[first] * density).clamp(max=_MOST)


def systematic(probability: Float[Tensor, " N"], count: int, draw: torch.Generator) -> Int[Tensor, " count"]:
    """`count` different points, point i with `probability[i]`, in ascending order.

    Points stand in random order on a line of length Σ π_i = count, each with the length of its probability; the points
    at u, u + 1, u + 2, … are drawn, u uniform in (0, 1). W. G. Madow, Ann. Math. Stat. 20 (1949).
    """
    order = torch.randperm(len(probability), generator=draw).to(probability.device, non_blocking=True)
    ends = probability[order].cumsum(0)
    u = torch.rand((), generator=draw, dtype=torch.float64).to(probability.device, non_blocking=True)
    places = (u + torch.arange(count, device=ends.device)) * (ends[-1] / count)
    return order[torch.searchsorted(ends, places, right=True).clamp(max=len(order) - 1)].sort().values


def unbiased_weights(probability: Float[Tensor, " Q"], num_points: int) -> Float[Tensor, " Q"]:
    """w = Q / (N π): the mean over the drawn points of w e has the expectation of the mean of e over all N.

    D. G. Horvitz, D. J. Thompson, J. Am. Stat. Assoc. 47 (1952).
    """
    return (len(probability) / (num_points * probability)).float()
