"""Where a flow starts: a smooth Gaussian random field."""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ups_framework.api import Grid
from ups_navier_stokes.solver import velocity

LARGEST_MODE = 10
"""The shortest wave of `random_vorticity` goes this often into the torus; its amplitude is 1 % of the longest one's."""

_LARGEST_MODE_OF_FNO = 32
"""The shortest wave on the 64 points along each axis of the paper's data."""

_ALPHA, _TAU = 2.5, 7.0
"""Decay of the spectrum, and the wavenumber from which on it decays, for a torus of length 1."""


def random_vorticity(grid: Grid, generator: torch.Generator) -> Float[Tensor, "x y"]:
    """A draw of w ~ N(0, (−∇² + τ²)^−α) on the unit torus with α = 2.5 and τ = 7, zero mean, rms speed 1; float64.

    The draw is one function of space: finer grids show the same one, and a longer torus shows it stretched. The
    covariance is that of `fno_vorticity` up to the scale and the waves left out.
    """
    w = _field(grid, LARGEST_MODE, generator)
    u, v = velocity(w, grid)
    return w / (u**2 + v**2).mean().sqrt()


def fno_vorticity(grid: Grid, generator: torch.Generator) -> Float[Tensor, "x y"]:
    """A draw of w ~ N(0, 7^3 (−∇² + 49)^−2.5) on the unit torus without mean, as the generator of FNO's data has it.

    (The paper writes 7^(3/2), which is the factor of the amplitudes in the code that made the data.) Again one function
    of space, from which a grid leaves out the waves that it cannot hold.

    Li et al., Fourier neural operator for parametric partial differential equations, ICLR 2021, section 5.3.
    """
    return math.sqrt(2) * 7**1.5 * _field(grid, _LARGEST_MODE_OF_FNO, generator)


def _field(grid: Grid, largest: int, generator: torch.Generator) -> Float[Tensor, "x y"]:
    """The real part of a sum of waves with independent Gaussian amplitudes."""
    m = torch.arange(-largest, largest + 1)
    coefficients = _coefficients(m.double(), largest, generator)
    held = 2 * m.abs() < min(grid.shape)
    m = m[held]
    spectrum: Complex[Tensor, "x y"] = torch.zeros(grid.shape, dtype=torch.complex128)
    spectrum[m[:, None], m[None, :]] = coefficients[held][:, held]
    w: Tensor = torch.fft.fft2(spectrum).real
    return w


def _coefficients(
    m: Float[Tensor, " modes"], largest: int, generator: torch.Generator
) -> Complex[Tensor, "modes modes"]:
    """Independent Gaussian amplitudes for all pairs of waves inside a circle, without the mean."""
    squared = m[:, None] ** 2 + m[None, :] ** 2
    deviation = (4 * math.pi**2 * squared + _TAU**2) ** (-_ALPHA / 2)
    inside = (squared > 0) & (squared <= largest**2)
    shape = (len(m), len(m))
    return deviation * inside * torch.randn(shape, dtype=torch.complex128, generator=generator)
