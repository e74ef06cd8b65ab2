"""Burgers' equation by Fourier modes and one step of second order a frame: what APEBench's data is made by."""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ups_framework.api import Grid

_KEPT = 2 / 3


class FourierETDRK2:
    """Advances u_t + (u²/2)_x = (ν/π) u_xx on one periodic axis by exponential time differencing of second order.

        a = E û + (E − 1)/L N(û),   û' = a + (E − 1 − L dt)/(L² dt) (N(a) − N(û)),   L = −(ν/π) k²,  E = exp(L dt)
        N(û) = −½ i k F[(F⁻¹ P û)²]

    P keeps waves up to floor(2/3 · n/2) − 1, 52 of 160 points; the product is not cut again, as in exponax 0.1.0 (its
    later versions cut it, which changes frame 10 by some 4e-3). Double precision, on the CPU.

    S. Cox, P. Matthews, Exponential time differencing for stiff systems, J. Comput. Phys. 176 (2002).
    """

    name = "Fourier ETDRK2, one step a frame, waves cut before the product (exponax 0.1.0)"

    def __init__(self, grid: Grid, viscosity: float, dt: float) -> None:
        """For one grid, viscosity ν and step."""
        (self._points,) = grid.shape
        mode = torch.arange(self._points // 2 + 1, dtype=torch.float64)
        wavenumber = 2 * math.pi / grid.axes[0].length * mode
        linear = -viscosity / math.pi * wavenumber**2
        self._kept = mode <= math.floor(_KEPT * (self._points // 2)) - 1
        self._slope = -0.5j * wavenumber
        self._decay = (linear * dt).exp()
        self._first = dt * _phi_1(linear * dt)
        self._second = dt * _phi_2(linear * dt)

    def trajectory(self, start: Float[Tensor, "B N"], frames: int) -> Float[Tensor, "B T N"]:
        """The start and as many frames after it as make `frames`."""
        u_hat = torch.fft.rfft(start.double())
        fields = [start.double()]
        for _ in range(frames - 1):
            u_hat = self._step(u_hat)
            fields.append(torch.fft.irfft(u_hat, n=self._points))
        return torch.stack(fields, dim=1)

    def _step(self, u_hat: Complex[Tensor, "B M"]) -> Complex[Tensor, "B M"]:
        at_start = self._nonlinear(u_hat)
        a = self._decay * u_hat + self._first * at_start
        result: Tensor = a + self._second * (self._nonlinear(a) - at_start)
        return result

    def _nonlinear(self, u_hat: Complex[Tensor, "B M"]) -> Complex[Tensor, "B M"]:
        """−(u²/2)_x."""
        square = torch.fft.irfft(u_hat * self._kept, n=self._points) ** 2
        result: Tensor = self._slope * torch.fft.rfft(square)
        return result


def _phi_1(z: Float[Tensor, " M"]) -> Float[Tensor, " M"]:
    """(eᶻ − 1) / z, 1 at 0."""
    return torch.where(z == 0, 1.0, torch.expm1(z) / torch.where(z == 0, 1.0, z))


def _phi_2(z: Float[Tensor, " M"]) -> Float[Tensor, " M"]:
    """(eᶻ − 1 − z) / z², by its series near 0, where the difference cancels."""
    series = 1 / 2 + z / 6 + z**2 / 24 + z**3 / 120 + z**4 / 720
    near = z.abs() < 1e-2
    safe = torch.where(near, 1.0, z)
    return torch.where(near, series, (torch.expm1(safe) - safe) / safe**2)
