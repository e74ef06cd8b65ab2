"""How far frames are from the equation: the one functional that dataset, loss and metric share."""

import torch
from jaxtyping import Float
from torch import Tensor
from ups_framework.api import Grid
from ups_framework.numerics.spectral import Spectral


def residual(
    frames: Float[Tensor, "B T N 1"], grid: Grid, dt: float, parameters: Float[Tensor, "B P"]
) -> Float[Tensor, "B T-1 N 1"]:
    """What each frame but the first misses when the equation advances the one before it, in K.

        r¹ = u¹ − exp(κ dt ∇²) u⁰

    with ∇² by Fourier modes: 0 for exact frames, if the grid has more than two points for each of their waves.
    """
    spectral = Spectral(grid, frames.device)
    decay = torch.exp(dt * parameters[:, 0, None] * spectral.laplacian().flatten()).to(frames)
    u = grid.unflatten(frames)[..., 0]
    u_hat = spectral.forward(u[:, :-1])
    advanced = spectral.inverse(decay.reshape(-1, 1, *u_hat.shape[2:]) * u_hat)
    return (u[:, 1:] - advanced).reshape_as(frames[:, 1:])


def mean_square_residual(
    frames: Float[Tensor, "B T N 1"], grid: Grid, dt: float, parameters: Float[Tensor, "B P"]
) -> Float[Tensor, " T-1"]:
    """Mean of r² over samples and points, in units of the mean of u² in the first frame."""
    missed = residual(frames, grid, dt, parameters)
    return missed.square().mean((0, 2, 3)) / frames[:, 0].square().mean()
