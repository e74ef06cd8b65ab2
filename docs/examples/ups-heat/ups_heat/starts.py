"""What differs between trajectories: where they start, and their diffusivity."""

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


def random_starts(
    waves: Float[Tensor, "M d"], diffusivity: tuple[float, float], *, split: str, count: int, seed: int
) -> Starts:
    """Trajectories 0 … count − 1 of a split. Number n is the same however many there are.

    a_m is complex normal with standard deviation 1 / (1 + |m|²), so that starts are smooth; ln κ is uniform.
    """
    low, high = diffusivity
    normal, uniform = [], []
    for number in range(count):
        draw = generator(seed, NAME, split, number)
        normal.append(torch.randn(len(waves), generator=draw, dtype=torch.complex128))
        uniform.append(torch.rand((), generator=draw, dtype=torch.float64))
    return Starts(
        amplitudes=torch.stack(normal) / (1 + waves.square().sum(1)),
        diffusivity=low * (high / low) ** torch.stack(uniform),
    )
