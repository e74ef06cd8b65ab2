"""What differs between trajectories: where they start, and their diffusivity."""

import math
from collections.abc import Callable

import torch
from attrs import frozen
from jaxtyping import Complex, Float
from torch import Tensor
from ups_framework.numerics.random import generator

from ups_heat.equation import NAME


@frozen(kw_only=True, eq=False)
class Starts:
    """The starts of a split."""

    amplitudes: Complex[Tensor, "B M"]
    """a_m of each wave, in K."""

    diffusivity: Float[Tensor, " B"]
    """κ of each trajectory, in m²/s."""


Draw = Callable[[Float[Tensor, "M d"], torch.Generator], Complex[Tensor, " M"]]
"""Draws the amplitudes of one start, given its wave vectors."""


def random_starts(
    amplitudes: Draw,
    waves: Float[Tensor, "M d"],
    diffusivity: tuple[float, float],
    *,
    split: str,
    count: int,
    seed: int,
) -> Starts:
    """Trajectories 0 … count − 1 of a split; ln κ is uniform. Number n is the same however many there are."""
    low, high = diffusivity
    drawn, uniform = [], []
    for number in range(count):
        draw = generator(seed, NAME, split, number)
        drawn.append(amplitudes(waves, draw))
        uniform.append(torch.rand((), generator=draw, dtype=torch.float64))
    return Starts(amplitudes=torch.stack(drawn), diffusivity=low * (high / low) ** torch.stack(uniform))


def random_waves(waves: Float[Tensor, "M d"], draw: torch.Generator) -> Complex[Tensor, " M"]:
    """a_m is complex normal with standard deviation 1 / (1 + |m|²), so that starts are smooth, of either sign."""
    return torch.randn(len(waves), generator=draw, dtype=torch.complex128) / (1 + waves.square().sum(1))


def hot_spots(waves: Float[Tensor, "M d"], draw: torch.Generator) -> Complex[Tensor, " M"]:
    """Two spots of at most 1 K at random places on 0 K: u = Σ_j T_j Π_axes cos(π (x − x_j))^2M, never negative.

    With at most M waves along an axis such a spot is exact, as narrow as 1 / (π √2M):

        cos(π x)^2M = Σ_m binomial(2M, M + m) / 4^M exp(2πi m x)
    """
    largest = int(waves.max())
    binomial = torch.tensor([math.comb(2 * largest, largest + m) / 4**largest for m in range(-largest, largest + 1)])
    spot = binomial.double()[(waves + largest).long()].prod(1)
    place = torch.rand(2, waves.shape[1], generator=draw, dtype=torch.float64)
    height = 0.5 + 0.5 * torch.rand(2, generator=draw, dtype=torch.float64)
    phase = -2 * math.pi * waves @ place.T
    return spot * (torch.polar(height.expand_as(phase), phase)).sum(1)
