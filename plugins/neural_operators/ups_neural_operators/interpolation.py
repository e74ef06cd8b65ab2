"""Fields between the points of their grid, each axis by what suits its boundary."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid
from ups_framework.numerics.interpolation import axis_stencil

_NUMBERS_AT_ONCE = 2**20
"""Of the largest intermediate result for one sample: many points are taken in pieces."""


def interpolated(grid: Grid, values: Float[Tensor, "B N C"], points: Float[Tensor, "*B Q d"]) -> Float[Tensor, "B Q C"]:
    """Fields on `grid` at points, the same for all samples or each sample's own.

        û(x) = Σ_i Π_a w_a(x_a, i_a) u_i

    w is the trigonometric polynomial that is 1 at its own point and 0 at the others where an axis is periodic
    (`periodic_weights`), else the cubic polynomial through the four nearest points. Linear in Q, with bounded memory.
    """
    rest = math.prod(grid.shape[1:]) * values.shape[-1]
    pieces = points.split(max(1, _NUMBERS_AT_ONCE // max(rest, grid.shape[0])), dim=-2)
    return torch.cat([_interpolated(grid, values, piece) for piece in pieces], dim=1)


def _interpolated(grid: Grid, values: Tensor, points: Tensor) -> Tensor:
    """One axis after the other, the first by a product with all others."""
    subscripts = "bqn" if points.ndim == 3 else "qn"
    fields = values.reshape(len(values), grid.shape[0], -1)
    result = torch.einsum(f"bnr,{subscripts}->bqr", fields, _weights(grid, 0, points).to(values))
    for axis in range(1, len(grid.shape)):
        fields = result.unflatten(2, (grid.shape[axis], -1))
        result = torch.einsum(f"bqnr,{subscripts}->bqr", fields, _weights(grid, axis, points).to(values))
    return result


def _weights(grid: Grid, axis: int, points: Float[Tensor, "*B Q d"]) -> Float[Tensor, "*B Q n"]:
    """What each grid point along an axis counts at points, in float64."""
    coordinate, n = points[..., axis].double(), grid.shape[axis]
    if grid.axes[axis].periodic:
        return periodic_weights((coordinate - grid.axes[axis].lower) / grid.spacing[axis] - grid.offset[axis], n)
    index, weight = axis_stencil(grid, axis, coordinate)
    weights = coordinate.new_zeros(*coordinate.shape, n)
    return weights.scatter_add(-1, index.movedim(0, -1), weight.movedim(0, -1))


def periodic_weights(position: Float[Tensor, "*Q"], n: int) -> Float[Tensor, "*Q n"]:
    """Weights of n equally spaced points of a circle at positions counted in spacings from the first of them.

        w_j(p) = sin(π t) / (n tan(π t / n)) for even n,  sin(π t) / (n sin(π t / n)) for odd n,   t = p − j

    They reproduce all waves below n / 2 exactly, and of the wave of two points its cosine. L. N. Trefethen, Spectral
    Methods in MATLAB (2000), chapter 3.
    """
    distance = position.unsqueeze(-1) - torch.arange(n, dtype=position.dtype, device=position.device)
    distance = torch.remainder(distance + n / 2, n) - n / 2
    at_point = distance.abs() < 1e-9
    angle = math.pi * torch.where(at_point, 1.0, distance) / n
    period = angle.tan() if n % 2 == 0 else angle.sin()
    return torch.where(at_point, 1.0, (n * angle).sin() / (n * period))
