"""Burgers' equation by second-order finite volumes: where shocks are thinner than the grid, and between walls."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid

_CFL = 0.4
"""Largest step in units of the stable one: down to a tenth of it the error stays that of the grid, from 0.5 on it grows
where shocks meet, at 0.8 the scheme is unstable."""

_GHOSTS = 2


class FiniteVolume:
    """Advances u_t + (u²/2)_x = (ν/π) u_xx on one axis, periodic or with u = 0 at both walls.

        du_i/dt = -(F_{i+½} - F_{i-½}) / h,   F = ½ max(u_L, -u_R, 0)² - (ν/π) (u_{i+1} - u_i) / h
        u_L = u_i + s_i,   u_R = u_{i+1} - s_{i+1},   s_i = minmod(u_i - u_{i-1}, u_{i+1} - u_i, (u_{i+1} - u_{i-1})/4)

    Slopes are limited as in PDEBench (van Leer's monotonised central ones); the flux is the exact solution of the
    Riemann problem, which equals PDEBench's but for transonic rarefactions, where that one needs an entropy fix.
    Midpoint rule in time. Of second order where u is smooth; conserves Σ u to rounding error on a periodic axis.

    A batch takes common steps: put trajectories of like speed together. Arrays have space first and the batch last,
    so that neighbours in space are contiguous blocks; there are as few and as large operations as possible, since
    there are some 10⁵ of them.

    B. van Leer, Towards the ultimate conservative difference scheme V, J. Comput. Phys. 32 (1979).
    """

    name = f"finite volumes, monotonised central slopes, Godunov flux, midpoint rule, CFL {_CFL}"
    fine_offset = 0.5
    """Where a grid twice as fine starts: its cells are halves of the coarse ones."""

    def __init__(self, grid: Grid, viscosity: float, device: torch.device) -> None:
        """For one grid and viscosity, in double precision."""
        (self._spacing,), (self._num_cells,) = grid.spacing, grid.shape
        self._periodic = grid.axes[0].periodic
        self._mirror = 1 - 2 * grid.offset[0]
        """How far past a point the mirror image of its counterpart beyond a wall lies, in spacings; 0 for centres."""
        assert self._periodic or self._mirror >= 0, "the first point is farther from its wall than the last"
        self._diffusivity = viscosity / math.pi
        self._device = device

    def advance(self, u: Float[Tensor, "B N"], duration: float) -> Float[Tensor, "B N"]:
        """The cells `duration` later, in equal steps. The largest |u| at the start is the largest of all times."""
        self._allocate(len(u))
        self._u[_GHOSTS:-_GHOSTS] = u.T
        steps = math.ceil(duration / self._stable_step())
        for _ in range(steps):
            self._stage(self._u, duration / steps / 2, self._half)
            self._stage(self._half, duration / steps, self._u)
        return self._u[_GHOSTS:-_GHOSTS].T.clone(memory_format=torch.contiguous_format)

    @staticmethod
    def coarsen(fine: Float[Tensor, "*batch 2N"]) -> Float[Tensor, "*batch N"]:
        """The solution of a grid twice as fine in the cells of this one."""
        return torch.unflatten(fine, -1, (-1, 2)).mean(-1)

    def _stable_step(self) -> float:
        speed = self._u[_GHOSTS:-_GHOSTS].abs().max().item()
        assert math.isfinite(speed), "the solution is not finite"
        h = self._spacing
        return _CFL * min(h / max(speed, 1e-12), 0.5 * h * h / self._diffusivity)

    def _allocate(self, batch: int) -> None:
        def rows(more: int) -> Tensor:
            return torch.empty(self._num_cells + more, batch, dtype=torch.float64, device=self._device)

        self._u, self._half = rows(2 * _GHOSTS), rows(2 * _GHOSTS)
        self._difference = rows(2 * _GHOSTS - 1)
        self._slope, self._low, self._high = rows(2), rows(2), rows(2)
        self._left, self._right, self._change = rows(1), rows(1), rows(0)

    def _stage(self, u: Tensor, step: float, out: Tensor) -> None:
        """out = self._u + step · du/dt(u)."""
        self._fill_ghosts(u)
        self._limited_slopes(u)
        cells = u[1:-1]
        torch.add(cells[:-1], self._slope[:-1], out=self._left)
        torch.sub(self._slope[1:], cells[1:], out=self._right)
        flux = torch.maximum(self._left, self._right, out=self._left).clamp_(min=0)
        scale = self._diffusivity / self._spacing
        torch.addcmul(self._difference[1:-1], flux, flux, value=-0.5 / scale, out=flux)
        torch.sub(flux[1:], flux[:-1], out=self._change)
        inner = slice(_GHOSTS, -_GHOSTS)
        torch.add(self._u[inner], self._change, alpha=step * scale / self._spacing, out=out[inner])

    def _limited_slopes(self, u: Tensor) -> None:
        """Half the change of u across each cell, and the differences of neighbours."""
        torch.sub(u[1:], u[:-1], out=self._difference)
        behind, ahead = self._difference[:-1], self._difference[1:]
        torch.maximum(behind, ahead, out=self._low).clamp_(max=0)
        torch.minimum(behind, ahead, out=self._high).clamp_(min=0)
        torch.add(behind, ahead, out=self._slope).mul_(0.25)
        torch.clamp(self._slope, self._low, self._high, out=self._slope)

    def _fill_ghosts(self, u: Tensor) -> None:
        """Two cells beyond each end: the other end's, or the odd reflection at the wall, which keeps u = 0 there."""
        if self._periodic:
            u[:_GHOSTS] = u[-2 * _GHOSTS : -_GHOSTS]
            u[-_GHOSTS:] = u[_GHOSTS : 2 * _GHOSTS]
            return
        w, cells = self._mirror, u[_GHOSTS:-_GHOSTS]
        u[1] = -torch.lerp(cells[0], cells[1], w)
        u[0] = -torch.lerp(cells[1], cells[2], w)
        u[-2] = cells[-1] * ((w - 1) / (w + 1))
        u[-1] = -torch.lerp(cells[-2], cells[-1], w)
