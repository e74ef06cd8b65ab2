"""Exponential time differencing: stiff linear terms exactly, the rest by a fourth-order Runge–Kutta scheme."""

import cmath
from collections.abc import Callable

import torch
from jaxtyping import Complex, Num
from torch import Tensor

_NUM_ROOTS = 32
"""Points on the contour; 32 bring the coefficients to rounding error."""


class ETDRK4:
    """Advances du/dt = L u + N(u) by `dt`, with L diagonal and N smooth.

        a = E½ u + Q N(u),   b = E½ u + Q N(a),   c = E½ a + Q (2 N(b) − N(u))
        u' = E u + f₁ N(u) + 2 f₂ (N(a) + N(b)) + f₃ N(c),    E = exp(dt L), E½ = exp(dt L / 2)

    The weights Q, f₁, f₂, f₃ are differences of nearly equal numbers where dt L is small; they are means over a unit
    circle around dt L instead, where nothing cancels. L sets no limit on `dt`; N does, as for every explicit
    Runge–Kutta scheme: a frequency ω of N (advection: speed times wavenumber) needs ω dt < 2.8 or so.

    Kassam and Trefethen, Fourth-order time-stepping for stiff PDEs, SIAM J. Sci. Comput. 26 (2005).
    """

    def __init__(self, linear: Num[Tensor, "*modes"], nonlinear: Callable[[Tensor], Tensor], dt: float) -> None:
        """`linear` holds the diagonal of L, float64 or complex128, in any shape that broadcasts with the state."""
        assert linear.dtype in (torch.float64, torch.complex128), f"L must be in double precision, not {linear.dtype}"
        self.dt = dt
        self._nonlinear = nonlinear
        self._whole_step = torch.exp(dt * linear)
        self._half_step = torch.exp(dt * linear / 2)
        self._stage, self._first, self._middle, self._last = _weights(linear, dt)

    def step(self, u_hat: Complex[Tensor, "*batch_modes"]) -> Complex[Tensor, "*batch_modes"]:
        """The state `dt` later."""
        at_start = self._nonlinear(u_hat)
        decayed = self._half_step * u_hat
        a = decayed + self._stage * at_start
        at_a = self._nonlinear(a)
        at_b = self._nonlinear(decayed + self._stage * at_a)
        at_c = self._nonlinear(self._half_step * a + self._stage * (2 * at_b - at_start))
        return self._whole_step * u_hat + self._first * at_start + 2 * self._middle * (at_a + at_b) + self._last * at_c


def _weights(linear: Tensor, dt: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Q, f₁, f₂ and f₃, summed root by root so that no array with an extra dimension is made."""
    sums = [torch.zeros_like(linear, dtype=torch.complex128) for _ in range(4)]
    for index in range(_NUM_ROOTS):
        r = dt * linear + cmath.exp(2j * cmath.pi * (index + 0.5) / _NUM_ROOTS)
        e = torch.exp(r)
        sums[0] += (torch.exp(r / 2) - 1) / r
        sums[1] += (-4 - r + e * (4 - 3 * r + r**2)) / r**3
        sums[2] += (2 + r + e * (r - 2)) / r**3
        sums[3] += (-4 - 3 * r - r**2 + e * (4 - r)) / r**3
    stage, first, middle, last = (total * dt / _NUM_ROOTS for total in sums)
    if linear.is_complex():
        return stage, first, middle, last
    return stage.real, first.real, middle.real, last.real
