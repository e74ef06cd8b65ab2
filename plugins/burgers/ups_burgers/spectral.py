"""Burgers' equation by Fourier modes: periodic, and viscous enough for the grid to resolve every shock."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid
from ups_framework.numerics.etdrk import ETDRK4
from ups_framework.numerics.spectral import Spectral

_LARGEST_STEP = 1e-3
"""At viscosity 0.01 and 1024 points the error in time is below 1e-6 of the solution, at 0.1 and 1 below 4e-6."""

_POINTS_OF_LARGEST_STEP = 1024


class FourierETDRK4:
    """Advances u_t + (u²/2)_x = (ν/π) u_xx on one periodic axis.

    The product is free of aliasing (two-thirds rule) and in conservation form, the viscous term is exact in time and
    the rest of fourth order (`numerics.etdrk`). Double precision.
    """

    name = f"Fourier, two-thirds rule, ETDRK4, dt {_LARGEST_STEP}"
    fine_offset = 0.0
    """Where a grid twice as fine starts: cell centres are then every second of its points."""

    def __init__(self, grid: Grid, viscosity: float, device: torch.device, largest_step: float | None = None) -> None:
        """For one grid and viscosity. A finer grid takes smaller steps, if `largest_step` says nothing else."""
        self._spectral = Spectral(grid, device)
        coarseness = min(1.0, _POINTS_OF_LARGEST_STEP / grid.num_points)
        self._largest_step = largest_step or _LARGEST_STEP * coarseness
        self._kept = self._spectral.alias_free()
        self._flux = -0.5 * self._spectral.derivative(0) * self._kept
        self._viscous = viscosity / math.pi * self._spectral.laplacian()
        self._integrators: dict[float, ETDRK4] = {}

    def advance(self, u: Float[Tensor, "B N"], duration: float) -> Float[Tensor, "B N"]:
        """The values at the points `duration` later, in equal steps."""
        steps = math.ceil(duration / self._largest_step - 1e-9)
        integrator = self._integrator(duration / steps)
        u_hat = self._spectral.forward(u) * self._kept
        for _ in range(steps):
            u_hat = integrator.step(u_hat)
        return self._spectral.inverse(u_hat)

    @staticmethod
    def coarsen(fine: Float[Tensor, "*batch 2N"]) -> Float[Tensor, "*batch N"]:
        """The solution of a grid twice as fine at cell centres of this one."""
        return fine[..., 1::2]

    def _integrator(self, step: float) -> ETDRK4:
        if step not in self._integrators:
            self._integrators[step] = ETDRK4(self._viscous, self._nonlinear, step)
        return self._integrators[step]

    def _nonlinear(self, u_hat: Tensor) -> Tensor:
        """-(u²/2)_x."""
        return self._flux * self._spectral.forward(self._spectral.inverse(u_hat) ** 2)
