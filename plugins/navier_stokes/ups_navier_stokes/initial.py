"""Where a decaying flow starts: a smooth Gaussian random field."""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ups_framework.api import Grid
from ups_navier_stokes.solver import velocity

LARGEST_MODE = 10
"""The shortest wave goes this often into the torus; its amplitude is 1 % of the longest one's."""

_ALPHA, _TAU = 2.5, 7.0
"""Decay of the spectrum, and the wavenumber from which on it decays, for a torus of length 1."""


def random_vorticity(grid: Grid, generator: torch.Generator) -> Float[Tensor, "x y"]:
    """A draw of w ~ N(0, (−∇² + τ²)^−α) on the unit torus with α = 2.5 and τ = 7, zero mean, rms speed 1; float64.

    The draw is one function of space: finer grids show the same one. The covariance is that of Li et al., Fourier
    neural operator for parametric partial differential equations, ICLR 2021, section 5.3, up to the scale.
    """
    m = torch.arange(-LARGEST_MODE, LARGEST_MODE + 1)
    spectrum: Complex[Tensor, "x y"] = torch.zeros(grid.shape, dtype=torch.complex128)
    spectrum[m[:, None], m[None, :]] = _coefficients(m.double(), generator)
    w: Tensor = torch.fft.fft2(spectrum).real
    u, v = velocity(w, grid)
    return w / (u**2 + v**2).mean().sqrt()


def _coefficients(m: Float[Tensor, " modes"], generator: torch.Generator) -> Complex[Tensor, "modes modes"]:
    """Independent Gaussian amplitudes for all pairs of waves inside a circle, without the mean."""
    squared = m[:, None] ** 2 + m[None, :] ** 2
    deviation = (4 * math.pi**2 * squared + _TAU**2) ** (-_ALPHA / 2)
    inside = (squared > 0) & (squared <= LARGEST_MODE**2)
    shape = (len(m), len(m))
    return deviation * inside * torch.randn(shape, dtype=torch.complex128, generator=generator)
