"""How large the fields of a sample are: the scale that makes priors free of units."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Problem

FLOOR = 1e-12
"""Smallest size, in the field's unit: a field that is 0 everywhere has this one."""

_ROUND = 1e-6
"""Where `root_mean_square` goes from a cone to a parabola."""


def root_mean_square(violation: Float[Tensor, "B ..."]) -> Float[Tensor, ""]:
    """sqrt(mean v² + ε²) − ε of each sample with ε = 1e-6, averaged over samples: the root mean square, smooth at 0.

    Its gradient does not vanish with the violation, as that of a mean square does, so that a weight measured when a
    prior is nearly satisfied is right later too.
    """
    return (violation.flatten(1).square().mean(dim=1) + _ROUND**2).sqrt().mean() - _ROUND


def size(field: Float[Tensor, "B N c"]) -> Float[Tensor, " B"]:
    """Root mean square over the points of the length of a field's vector, sqrt(mean_x Σ_c f_c²): never 0."""
    return field.square().sum(dim=-1).mean(dim=-1).sqrt().clamp_min(FLOOR)


def size_per_channel(values: Float[Tensor, "B N C"], problem: Problem) -> Float[Tensor, "B C"]:
    """The size of the field that each channel belongs to."""
    return per_channel(size, values, problem)


def per_channel(
    measure: Callable[[Float[Tensor, "B N c"]], Float[Tensor, " B"]], values: Float[Tensor, "B N C"], problem: Problem
) -> Float[Tensor, "B C"]:
    """A number of each field, at all of its channels."""
    columns = [
        measure(values[..., problem.channels(field.name)]).unsqueeze(-1).expand(-1, field.components)
        for field in problem.fields
    ]
    return torch.cat(columns, dim=-1)
