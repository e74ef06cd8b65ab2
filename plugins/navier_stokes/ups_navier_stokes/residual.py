"""How far frames are from satisfying the equation: the `residual` of the plugin's problems.

One step of Crank–Nicolson in time, derivatives by Fourier modes: what frame 1 misses, given frame 0, is

    q¹ − q⁰ − dt/2 (R(q⁰) + R(q¹))

for q = w with R(w) = −(u w_x + v w_y) + ν ∇²w − μ w + F, and for q = (u, v) with the momentum equation's right-hand
side, R(u) = P(−∇ · (u u)) + ν ∇²u − μ u + f, from which P removes what pressure balances (Leray's projection): a
divergence in u¹ is missed by all of it. Its own error is dt³/12 of q's third derivative in time: compare with the
truth's where fluid moves over its eddies between two frames.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ups_framework.api import Grid, Residual
from ups_framework.numerics.spectral import Spectral
from ups_navier_stokes.equation import Equation, equation_of
from ups_navier_stokes.solver import velocity_factors


def residual_of(fields: str, names: Sequence[str]) -> Residual:
    """The residual of flows as `vorticity` or `velocity`, whose problem has parameters of these names."""
    rate = _momentum_rate if fields == "velocity" else _vorticity_rate

    def residual(
        frames: Float[Tensor, "B T N C"], grid: Grid, dt: float, parameters: Float[Tensor, "B P"]
    ) -> Float[Tensor, "B T-1 N C"]:
        q = grid.unflatten(frames).movedim(-1, 2)
        spectral = Spectral(grid, frames.device)
        q_hat = spectral.forward(q)
        equation = equation_of(names, [column[:, None, None, None, None] for column in parameters.unbind(1)])
        r_hat = rate(q_hat, spectral, equation)
        missed = q_hat[:, 1:] - q_hat[:, :-1] - dt / 2 * (r_hat[:, 1:] + r_hat[:, :-1])
        return spectral.inverse(missed).movedim(2, -1).flatten(2, 3)

    return residual


def _vorticity_rate(
    w_hat: Complex[Tensor, "B T 1 kx ky"], spectral: Spectral, equation: Equation
) -> Complex[Tensor, "B T 1 kx ky"]:
    u, v = (spectral.inverse(factor.to(w_hat) * w_hat) for factor in velocity_factors(spectral))
    dx, dy = (spectral.derivative(axis).to(w_hat) for axis in (0, 1))
    w = spectral.inverse(w_hat)
    advection = dx * spectral.forward(u * w) + dy * spectral.forward(v * w)
    return -advection + _decay(spectral, equation, w_hat) + _forcing(spectral, equation).to(w_hat)


def _momentum_rate(
    u_hat: Complex[Tensor, "B T 2 kx ky"], spectral: Spectral, equation: Equation
) -> Complex[Tensor, "B T 2 kx ky"]:
    u, v = spectral.inverse(u_hat).unbind(2)
    uu, uv, vv = (spectral.forward(product) for product in (u * u, u * v, v * v))
    dx, dy = (spectral.derivative(axis).to(u_hat) for axis in (0, 1))
    along_x, along_y = dx * uu + dy * uv, dx * uv + dy * vv
    of_curl = torch.stack([factor.to(u_hat) for factor in velocity_factors(spectral)])
    advection = of_curl * (dx * along_y - dy * along_x).unsqueeze(2)  # the part with the same curl and no divergence
    forcing = of_curl * _forcing(spectral, equation).to(u_hat)
    return -advection + _decay(spectral, equation, u_hat) + forcing


def _decay(spectral: Spectral, equation: Equation, q_hat: Tensor) -> Tensor:
    """Transform of ν ∇²q − μ q."""
    return (equation.viscosity * spectral.laplacian() - equation.drag).to(q_hat) * q_hat


def _forcing(spectral: Spectral, equation: Equation) -> Complex[Tensor, "*batch kx ky"]:
    return spectral.forward(equation.forcing(spectral.grid, _device(equation)))


def _device(equation: Equation) -> torch.device:
    assert isinstance(equation.viscosity, Tensor)  # a residual has each trajectory's own
    return equation.viscosity.device
