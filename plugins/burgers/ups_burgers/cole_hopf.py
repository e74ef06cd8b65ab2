"""Exact solutions of Burgers' equation, to validate solvers with."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def cole_hopf(start: Float[Tensor, "B N"], viscosity: float, time: float) -> Float[Tensor, "B N"]:
    """The solution of u_t + (u²/2)_x = (ν/π) u_xx at `time` on N points of the periodic interval (0, 1).

        u = c - 2 κ θ_x / θ,   θ_t = κ θ_xx,   θ(x, 0) = exp(-1/(2κ) ∫₀ˣ (u₀ - c) dx'),   κ = ν/π,  c = mean of u₀

    in the frame of reference that moves with c. All by Fourier series in double precision: accurate where `start` is
    smooth on the points and θ spans less than some ten powers of ten, that is for ν above 0.03 or so.

    J. D. Cole, On a quasi-linear parabolic equation occurring in aerodynamics, Quart. Appl. Math. 9 (1951).
    """
    diffusivity = viscosity / math.pi
    num_points = start.shape[-1]
    ik = 2j * math.pi * torch.fft.rfftfreq(num_points, 1 / num_points, dtype=torch.float64)
    mean = start.double().mean(-1, keepdim=True)
    start_hat = torch.fft.rfft(start.double() - mean)
    primitive_hat = torch.where(ik == 0, 0, start_hat / torch.where(ik == 0, 1, ik))
    exponent = torch.fft.irfft(primitive_hat, n=num_points) / (-2 * diffusivity)
    theta_hat = torch.fft.rfft((exponent - exponent.amax(-1, keepdim=True)).exp())
    theta_hat = theta_hat * (diffusivity * ik**2 * time).exp()
    theta, slope = (torch.fft.irfft(series, n=num_points) for series in (theta_hat, ik * theta_hat))
    moving_hat = torch.fft.rfft(-2 * diffusivity * slope / theta)
    resting: Tensor = torch.fft.irfft(moving_hat * torch.exp(-ik * mean * time), n=num_points)
    return mean + resting
