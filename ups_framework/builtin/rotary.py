"""Rotary position encoding on coordinates, exact on periodic axes."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Problem, SpecError


class Rotary(nn.Module):
    """Rotates pairs of query and key channels by angles ω·x, so that their product depends on x_query − x_key only.

    On a periodic axis of length L every ω is a whole multiple of 2π/L: a point and its image one period away are the
    same point. On an axis with walls ω is a multiple of π/L, which tells all distances apart. Frequencies grow
    geometrically from the longest wave to about that of two tokens. Su et al., RoFormer (2021), with
    coordinates in place of positions.
    """

    frequencies: Tensor

    def __init__(self, problem: Problem, head_width: int, tokens: int) -> None:
        super().__init__()
        dims = len(problem.axes)
        if head_width % (2 * dims):
            raise SpecError("heads", f"channels per head ({head_width}) do not divide by 2 × {dims} axes")
        pairs = head_width // (2 * dims)
        highest = max(1.0, tokens ** (1 / dims) / 2)
        waves = [max(1, round(highest ** (k / max(1, pairs - 1)))) for k in range(pairs)]
        units = [(2 * math.pi if axis.periodic else math.pi) / axis.length for axis in problem.axes]
        frequencies = torch.tensor([[unit * wave for wave in waves] for unit in units])
        self.register_buffer("frequencies", frequencies, persistent=False)

    def angles(self, coordinates: Float[Tensor, "*B T d"]) -> Float[Tensor, "*B_heads T pairs"]:
        """Angles of all pairs at each point; of points that differ by sample, with a dimension for the heads."""
        angles = (coordinates[..., None] * self.frequencies).flatten(-2)
        return angles if angles.ndim == 2 else angles.unsqueeze(1)

    @staticmethod
    def rotate(
        values: Float[Tensor, "B heads T width"], angles: Float[Tensor, "*B_heads T pairs"]
    ) -> Float[Tensor, "B heads T width"]:
        """Queries or keys, rotated; their norms stay."""
        first, second = values.chunk(2, dim=-1)
        cos, sin = angles.cos().to(values.dtype), angles.sin().to(values.dtype)
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
