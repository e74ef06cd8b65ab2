"""How a grid divides into patches, one a token: shared by all that make or join tokens, so that it is decided once."""

import itertools
import math

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, LatentSize, Problem, SpecError


@frozen(kw_only=True)
class Patches:
    """Equal patches that tile a grid."""

    tokens: tuple[int, ...]
    """Patches along each axis."""

    size: tuple[int, ...]
    """Grid points of a patch along each axis."""

    grid: Grid
    """The token grid: one point at the middle of each patch's grid points."""

    @property
    def volume(self) -> int:
        """Grid points of a patch."""
        return math.prod(self.size)


def divide(problem: Problem, latent: LatentSize) -> Patches:
    """The patches that make `latent.tokens` tokens, as near to cubes as the grid allows.

    Raises SpecError if no division of the grid has that many patches; it lists the numbers that are possible.
    """
    grid = problem.grid
    choices = itertools.product(*(_divisors(n) for n in grid.shape))
    by_total: dict[int, list[tuple[int, ...]]] = {}
    for tokens in choices:
        by_total.setdefault(math.prod(tokens), []).append(tokens)
    if latent.tokens not in by_total:
        possible = sorted(by_total, key=lambda total: abs(math.log(total / latent.tokens)))[:4]
        shape = " × ".join(str(n) for n in grid.shape)
        raise SpecError(
            "latent.tokens",
            f"the grid of {shape} points does not divide into {latent.tokens} equal patches "
            f"(nearest that do: {', '.join(str(total) for total in sorted(possible))})",
        )
    tokens = min(by_total[latent.tokens], key=lambda tokens: _aspect(grid, tokens))
    size = tuple(n // t for n, t in zip(grid.shape, tokens, strict=True))
    offset = tuple((o + (p - 1) / 2) / p for o, p in zip(grid.offset, size, strict=True))
    return Patches(tokens=tokens, size=size, grid=Grid(axes=grid.axes, shape=tokens, offset=offset))


def gather_patches(values: Float[Tensor, "B H *grid"], size: tuple[int, ...]) -> Float[Tensor, "B T features"]:
    """The values of each patch side by side: (B, H, n₁, n₂, …) → (B, patches, H · points of a patch)."""
    dims = len(size)
    for axis, points in enumerate(size):
        values = values.unflatten(2 + 2 * axis, (-1, points))
    token_dims = [2 + 2 * axis for axis in range(dims)]
    point_dims = [3 + 2 * axis for axis in range(dims)]
    return values.permute(0, *token_dims, 1, *point_dims).flatten(1, dims).flatten(2)


def interleave_patches(
    features: Float[Tensor, "B T features"], tokens: tuple[int, ...], size: tuple[int, ...]
) -> Float[Tensor, "B N H"]:
    """Features of patches as features of grid points in flattened order: (B, patches, points · H) → (B, N, H)."""
    dims = len(tokens)
    blocks = torch.unflatten(features, 1, tokens)
    blocks = torch.unflatten(blocks, -1, (*size, -1))
    order = [item for axis in range(dims) for item in (1 + axis, 1 + dims + axis)]
    return blocks.permute(0, *order, 1 + 2 * dims).flatten(1, 2 * dims)


def _divisors(n: int) -> list[int]:
    return [k for k in range(1, n + 1) if n % k == 0]


def _aspect(grid: Grid, tokens: tuple[int, ...]) -> float:
    """Longest over shortest side of a patch."""
    sides = [axis.length / t for axis, t in zip(grid.axes, tokens, strict=True)]
    return max(sides) / min(sides)
