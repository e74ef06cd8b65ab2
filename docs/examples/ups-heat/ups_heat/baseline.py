"""The baseline `heat_crank_nicolson`."""

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor
from ups_framework.api import Baseline, Forecast, Grid, Problem
from ups_framework.numerics.spectral import Spectral

from ups_heat.equation import require_heat


@frozen(kw_only=True)
class HeatCrankNicolson(Baseline):
    """What a classical solver makes of the points that the simulator has: a step of Crank and Nicolson's a frame.

    (1 − κ dt/2 A) u¹ = (1 + κ dt/2 A) u⁰ with central differences A ≈ ∇². Second order in dt and in the spacing,
    stable for every dt.

    J. Crank and P. Nicolson, Proc. Camb. Phil. Soc. 43 (1947).
    """

    def build(self, problem: Problem) -> Forecast:
        """Raises SpecError on `use` if the problem is another one."""
        require_heat(problem)

        def forecast(
            start: Float[Tensor, "B N C"], steps: int, grid: Grid, parameters: Float[Tensor, "B P"]
        ) -> Float[Tensor, "B T N C"]:
            spectral = Spectral(grid, start.device)
            half = problem.dt / 2 * parameters[:, 0].double()[:, None] * _differences(spectral).flatten()
            u_hat = spectral.forward(grid.unflatten(start)[..., 0].double())
            factor = ((1 + half) / (1 - half)).view_as(u_hat)
            frames = torch.stack([spectral.inverse(factor**step * u_hat) for step in range(1, steps + 1)], dim=1)
            return frames.flatten(2).unsqueeze(-1).to(start)

        return forecast


def _differences(spectral: Spectral) -> Float[Tensor, "*modes"]:
    """Factor of A u = Σ_axes (u_{i+1} − 2 u_i + u_{i−1}) / h² on each mode: −Σ_axes (2/h sin(k h / 2))²."""
    axes = enumerate(spectral.grid.spacing)
    squares = [(2 / h * torch.sin(spectral.wavenumber(axis) * h / 2)).square() for axis, h in axes]
    return -sum(squares, start=torch.zeros(()))
