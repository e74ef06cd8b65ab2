"""Where a trajectory starts: PDEBench's random sums of sine waves."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

_NUM_WAVES = 4
_NUM_CHOSEN = 2
_EDGE = 0.01
"""Width over which a window opens and closes."""


def initial_condition(x: Float[Tensor, " N"], generator: torch.Generator, *, walls: bool) -> Float[Tensor, " N"]:
    """One random start on (0, 1), at any points: the same draws give the same function at any resolution.

        u₀(x) = Σ_{j=1..4} A_j sin(2π j n_j x + φ_j),    A_j ~ U(0, 1),  φ_j ~ U(0, 2π)

    n_j says how often wave j was chosen in two draws from the four, so that a wave that was not chosen adds the
    constant A_j sin φ_j and one that was chosen twice has twice the wavenumber. With probability 0.1 u₀ becomes |u₀|;
    with 0.5 its sign changes; with 0.1 it is cut to a window from U(0.1, 0.45) to U(0.55, 0.9), whose edges are tanh of
    width 0.01. That is the law of PDEBench, with two differences: all draws are independent of one another (PDEBench
    uses random keys twice, which ties amplitudes, phases and choices together), and the waves have period 1 exactly
    (PDEBench's have 1 - 1/1024 and do not quite close). Between walls u₀ is multiplied by 1 - (2x - 1)⁸, which is
    0 at both and close to 1 elsewhere.

    M. Takamoto et al., PDEBench: an extensive benchmark for scientific machine learning, NeurIPS 2022, appendix D.
    """
    amplitude, phase = torch.rand(2, _NUM_WAVES, generator=generator, dtype=torch.float64)
    chosen = torch.randint(_NUM_WAVES, (_NUM_CHOSEN,), generator=generator)
    absolute, negative, windowed, left, right = torch.rand(5, generator=generator, dtype=torch.float64).tolist()
    waves = torch.arange(1, _NUM_WAVES + 1) * torch.bincount(chosen, minlength=_NUM_WAVES)
    angle = 2 * math.pi * (waves[:, None] * x + phase[:, None])
    u: Tensor = (amplitude[:, None] * angle.sin()).sum(0)
    if absolute < 0.1:
        u = u.abs()
    if negative < 0.5:
        u = -u
    if windowed < 0.1:
        u = u * _window(x, 0.1 + 0.35 * left, 0.55 + 0.35 * right)
    return u * (1 - (2 * x - 1) ** 8) if walls else u


def _window(x: Float[Tensor, " N"], left: float, right: float) -> Float[Tensor, " N"]:
    """1 between `left` and `right`, 0 outside."""
    return (torch.tanh((x - left) / _EDGE) - torch.tanh((x - right) / _EDGE)) / 2
