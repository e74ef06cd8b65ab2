"""Values between the points of a grid: cubic Lagrange interpolation that knows each axis' boundary."""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ups_framework.api import Grid

_TAPS = 4


# no attrs value: torch.compile cannot trace the making of a frozen one
@dataclass(frozen=True, kw_only=True, eq=False)
class Stencil:
    """For each of Q points, the grid points around it and their weights, `taps = 4^d` of them; for B samples or all."""

    index: Int[Tensor, "taps *B Q"]
    """Flattened grid points."""

    weight: Float[Tensor, "taps *B Q 1"]
    """Their weights; they sum to 1."""

    def __call__(self, values: Float[Tensor, "B N C"]) -> Float[Tensor, "B Q C"]:
        """Interpolate. Works tap by tap, so that no tensor with `taps` copies of the values is ever held."""
        total = picked(values, self.index[0]) * self.weight[0]
        for index, weight in zip(self.index[1:], self.weight[1:], strict=True):
            total = total + picked(values, index) * weight
        return total


def picked(values: Float[Tensor, "B N C"], index: Int[Tensor, "*B Q"]) -> Float[Tensor, "B Q C"]:
    """Values at some of the points that they are at, the same for all samples or each sample's own."""
    if index.ndim == 1:
        return values.index_select(1, index)
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[-1]))


def cubic_stencil(grid: Grid, points: Float[Tensor, "*B Q d"]) -> Stencil:
    """The stencil that interpolates values on `grid` at `points`: exact for cubic polynomials, error O(h⁴).

    Along each axis the polynomial through the four nearest grid points is used; periodic axes wrap round, and near a
    wall the four points next to the wall are used, so that a point between the last grid point and the wall is
    extrapolated by less than one spacing. At a grid point the weights are 1 there and 0 elsewhere.
    """
    axes = [axis_stencil(grid, axis, points[..., axis]) for axis in range(points.shape[-1])]
    index, weight = [], []
    for taps in itertools.product(range(_TAPS), repeat=len(axes)):
        flat = torch.zeros(points.shape[:-1], dtype=torch.long, device=points.device)
        product = torch.ones(points.shape[:-1], dtype=points.dtype, device=points.device)
        for tap, n, (axis_index, axis_weight) in zip(taps, grid.shape, axes, strict=True):
            flat = flat * n + axis_index[tap]
            product = product * axis_weight[tap]
        index.append(flat)
        weight.append(product[..., None])
    return Stencil(index=torch.stack(index), weight=torch.stack(weight))


def axis_stencil(
    grid: Grid, axis: int, coordinate: Float[Tensor, "*B Q"]
) -> tuple[Int[Tensor, "4 *B Q"], Float[Tensor, "4 *B Q"]]:
    """Indices and Lagrange weights of the four grid points of one axis."""
    n, periodic = grid.shape[axis], grid.axes[axis].periodic
    position = (coordinate - grid.axes[axis].lower) / grid.spacing[axis] - grid.offset[axis]
    first = position.floor() - 1
    if not periodic:
        first = first.clamp(0, n - _TAPS)
    t = position - first
    t0, t1, t2, t3 = t, t - 1, t - 2, t - 3
    weight = torch.stack([-t1 * t2 * t3 / 6, t0 * t2 * t3 / 2, -t0 * t1 * t3 / 2, t0 * t1 * t2 / 6])
    taps = torch.arange(_TAPS, device=coordinate.device)
    index = first.long() + taps.reshape(-1, *(1 for _ in coordinate.shape))
    return index % n if periodic else index, weight
