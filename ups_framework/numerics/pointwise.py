"""Fields between the points of their grid, exactly where Fourier series are: trigonometric interpolation."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid
from ups_framework.numerics.interpolation import axis_stencil


def interpolate(
    values: Float[Tensor, "B K N C"], grid: Grid, points: Float[Tensor, "*sets Q d"]
) -> Float[Tensor, "B K Q C"]:
    """Fields on a grid of any dimension at points, one set for all, for each sample (B), or for each frame too (B K).

    Along a periodic axis the trigonometric polynomial through all n points, Σ_i D(x − x_i) u_i with Dirichlet's kernel
    D, exact for waves of more than two points; between walls cubic Lagrange polynomials through the four nearest. In
    the precision of the values. Costs Q · N a field: for points by the thousand, not by the million.
    """
    sets = points.reshape((1,) * (4 - points.ndim) + tuple(points.shape)) if points.ndim != 3 else points.unsqueeze(1)
    weights = [_axis_weights(grid, axis, sets[..., axis].to(values.dtype)) for axis in range(len(grid.shape))]
    rows = values.unflatten(2, (grid.shape[0], -1)).flatten(3)
    result: Tensor = weights[0] @ rows  # (B K Q rest), the rest being the other axes and the channels
    for n, along in zip(grid.shape[1:], weights[1:], strict=True):
        result = (result.unflatten(3, (n, -1)) * along[..., None]).sum(3)
    return result


def _axis_weights(grid: Grid, axis: int, place: Float[Tensor, "b k Q"]) -> Float[Tensor, "b k Q n"]:
    """What each grid point of an axis counts at each place."""
    n = grid.shape[axis]
    if not grid.axes[axis].periodic:
        index, weight = axis_stencil(grid, axis, place)
        weights = place.new_zeros(*place.shape, n)
        return weights.scatter_add(-1, index.movedim(0, -1), weight.movedim(0, -1))
    steps = (place - grid.axes[axis].lower) / grid.spacing[axis] - grid.offset[axis]
    return _dirichlet_kernel(steps[..., None] - torch.arange(n, device=place.device), n)


def _dirichlet_kernel(steps: Tensor, n: int) -> Tensor:
    """sin(πs) / (n tan(πs/n)), or with sin in place of tan for odd n, at s spacings; 1 at s = 0 and 0 at other points.

    The even one is that of Fourier series whose finest wave counts half. L. N. Trefethen, Spectral Methods in MATLAB
    (2000), chapter 3.
    """
    steps = torch.remainder(steps + n / 2, n) - n / 2
    angle = math.pi * steps / n
    below = n * (angle.tan() if n % 2 == 0 else angle.sin())
    at_point = steps.abs() < 1e-9
    kernel = torch.sin(math.pi * steps) / torch.where(at_point, torch.ones_like(below), below)
    return torch.where(at_point, torch.ones_like(kernel), kernel)
