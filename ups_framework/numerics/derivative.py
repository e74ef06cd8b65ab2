"""Derivatives along one axis of a grid: spectral where it is periodic, second-order differences between walls."""

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid
from ups_framework.numerics.spectral import Spectral


def derivative(values: Float[Tensor, "... N"], grid: Grid, axis: int) -> Float[Tensor, "... N"]:
    """∂f/∂x along one axis at the points of the grid, which are flattened in the last dimension.

    Fields of a step have channels behind their points: `derivative(values[..., c], grid, axis)` is that of channel c.
    Periodic: i k f̂, exact for waves of more than two points. Else central differences, at the outermost points
    one-sided ones, exact for parabolas. In the precision of the values.
    """
    shaped = values.unflatten(-1, grid.shape).movedim(axis - len(grid.shape), -1)
    if grid.axes[axis].periodic:
        line = Grid(axes=(grid.axes[axis],), shape=(grid.shape[axis],), offset=(grid.offset[axis],))
        spectral = Spectral(line, values.device)
        u_hat = spectral.forward(shaped)
        result = spectral.inverse(spectral.derivative(0).to(u_hat.dtype) * u_hat)
    else:
        (result,) = torch.gradient(shaped, spacing=grid.spacing[axis], dim=-1, edge_order=2)
    return result.movedim(-1, axis - len(grid.shape)).flatten(-len(grid.shape))


def divergence(vector: Float[Tensor, "... N d"], grid: Grid) -> Float[Tensor, "... N"]:
    """∇·f = Σ_a ∂f_a/∂x_a, component a along axis a."""
    parts = [derivative(vector[..., axis], grid, axis) for axis in range(len(grid.axes))]
    return torch.stack(parts).sum(0)


def gradient_square(vector: Float[Tensor, "... N d"], grid: Grid) -> Float[Tensor, "... N"]:
    """|∇f|² = Σ_{a,b} (∂f_b/∂x_a)², of all components along all axes."""
    parts = [derivative(vector.movedim(-1, 0), grid, axis).square().sum(0) for axis in range(len(grid.axes))]
    return torch.stack(parts).sum(0)
