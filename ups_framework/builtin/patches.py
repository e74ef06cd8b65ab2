"""How a grid divides into patches, one a token: shared by encoder and decoder, so that it is decided once."""

import itertools
import math

from attrs import frozen

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
            f"(possible: {', '.join(str(total) for total in sorted(possible))})",
        )
    tokens = min(by_total[latent.tokens], key=lambda tokens: _aspect(grid, tokens))
    size = tuple(n // t for n, t in zip(grid.shape, tokens, strict=True))
    offset = tuple((o + (p - 1) / 2) / p for o, p in zip(grid.offset, size, strict=True))
    return Patches(tokens=tokens, size=size, grid=Grid(axes=grid.axes, shape=tokens, offset=offset))


def _divisors(n: int) -> list[int]:
    return [k for k in range(1, n + 1) if n % k == 0]


def _aspect(grid: Grid, tokens: tuple[int, ...]) -> float:
    """Longest over shortest side of a patch."""
    sides = [axis.length / t for axis, t in zip(grid.axes, tokens, strict=True)]
    return max(sides) / min(sides)
