"""Coarser grids of tokens and back again: neighbours along each axis become one token, whatever their number.

Where a count is odd, the last token is merged with the first one where the axis is periodic, else with itself.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Axis, Latent, SpecError
from ups_framework.builtin.patches import gather_patches, interleave_patches


def merging(grid: Sequence[int]) -> tuple[int, ...]:
    """How many tokens become one along each axis of a grid: 2, or 1 where there is but one token."""
    return tuple(min(n, 2) for n in grid)


def merged(grid: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    """Tokens along each axis after `size` of them became one."""
    return tuple(math.ceil(n / points) for n, points in zip(grid, size, strict=True))


class Merge(nn.Module):
    """One token W [z_i] for each group of neighbours z_i, in the middle of them."""

    def __init__(self, axes: Sequence[Axis], size: tuple[int, ...], width: int, new_width: int) -> None:
        super().__init__()
        self.axes, self.size = tuple(axes), size
        self.linear = nn.Linear(math.prod(size) * width, new_width)

    def forward(self, latent: Latent) -> Latent:
        grid = grid_of(latent)
        tokens = gather_patches(self._filled(latent.tokens.transpose(1, 2).unflatten(-1, grid)), self.size)
        return Latent(
            tokens=self.linear(tokens), positions=self._middles(latent.positions, grid), grid=merged(grid, self.size)
        )

    def _filled(self, values: Float[Tensor, "B C *grid"]) -> Float[Tensor, "B C *filled"]:
        """One more token behind the last one where the count does not divide."""
        for dim, (axis, size) in enumerate(zip(self.axes, self.size, strict=True), start=2):
            count = values.shape[dim]
            if count % size:
                values = torch.cat([values, values.narrow(dim, 0 if axis.periodic else count - 1, 1)], dim=dim)
        return values

    def _middles(self, positions: Float[Tensor, "T d"], grid: tuple[int, ...]) -> Float[Tensor, "merged d"]:
        """Means of the places that are merged; the first token, behind the last one, is a period further."""
        places = self._filled(torch.unflatten(positions.T[None], -1, grid))
        for index, axis in enumerate(self.axes):
            if axis.periodic and grid[index] % self.size[index]:
                places[0, index].narrow(index, grid[index], 1).add_(axis.length)
        return torch.unflatten(gather_patches(places, self.size)[0], -1, (len(self.axes), -1)).mean(-1)


class Unmerge(nn.Module):
    """The tokens of a finer grid, W_i z for each token i that was merged into z."""

    def __init__(self, size: tuple[int, ...], width: int, new_width: int) -> None:
        super().__init__()
        self.size = size
        self.linear = nn.Linear(width, math.prod(size) * new_width)

    def forward(self, latent: Latent, grid: tuple[int, ...]) -> Float[Tensor, "B T W"]:
        coarse = grid_of(latent)
        filled = tuple(n * size for n, size in zip(coarse, self.size, strict=True))
        values = torch.unflatten(interleave_patches(self.linear(latent.tokens), coarse, self.size), 1, filled)
        for axis, count in enumerate(grid):
            values = values.narrow(1 + axis, 0, count)
        return values.flatten(1, len(grid))


def grid_of(latent: Latent) -> tuple[int, ...]:
    """Tokens along each axis; SpecError where they form no grid."""
    if latent.grid is None:
        raise SpecError("use", "merges neighbouring tokens, and the encoder's tokens form no grid")
    return latent.grid
