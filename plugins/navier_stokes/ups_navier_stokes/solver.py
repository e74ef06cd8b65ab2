"""A pseudo-spectral solver of the two-dimensional incompressible Navier–Stokes equations on the torus."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ups_framework.api import DataError, Grid
from ups_framework.numerics.etdrk import ETDRK4
from ups_framework.numerics.spectral import Spectral
from ups_navier_stokes.equation import Equation

NAME = "ETDRK4, Fourier with the 2/3 rule, float64"
"""The solver in a data file's provenance."""

_LARGEST_PHASE = 2.4
"""Highest frequency of advection times time step: stable below 2.8; the rest is for flows that speed up."""

_LARGEST_TURN = 0.1
"""Largest vorticity times time step: the error of a turn of this angle is some 1e-6."""

_RUNGS = 4
"""Numbers of steps to choose from, between one and its double: each needs its own coefficients."""


class VorticitySolver:
    """Advances the vorticity w = ∂v/∂x − ∂u/∂y of a flow without mean velocity.

        w_t + u w_x + v w_y = ν ∇²w − μ w + F,    ∇²ψ = −w,    u = ∂ψ/∂y,    v = −∂ψ/∂x

    Axis 0 of an array is x, axis 1 is y; any number of batch dimensions stands before them. Float64 throughout, on the
    device of choice. Viscosity and drag are integrated exactly; advection is formed from two products of velocities,

        u w_x + v w_y = ∂x∂y (v² − u²) + (∂x² − ∂y²) (u v),

    which takes four transforms instead of five. Aliases are removed (two-thirds rule), so that without viscosity the
    scheme conserves energy and enstrophy up to the error in time, and the mean of w always.

    Basdevant, Technical improvements for direct numerical simulation of homogeneous three-dimensional turbulence,
    J. Comput. Phys. 50 (1983); Kassam and Trefethen, SIAM J. Sci. Comput. 26 (2005).
    """

    def __init__(self, *, grid: Grid, equation: Equation, dt: float, device: torch.device) -> None:
        """Units are those of the grid; `dt` is one step, see `num_substeps`."""
        assert len(grid.axes) == 2, f"a flow in the plane has 2 axes, not {len(grid.axes)}"
        self.spectral = Spectral(grid, device)
        self._kept = self.spectral.alias_free()
        self._u_of_w, self._v_of_w = velocity_factors(self.spectral)
        dx, dy = self.spectral.derivative(0), self.spectral.derivative(1)
        self._of_squares = (-(dx * dy) * self._kept).real
        self._of_product = ((dy**2 - dx**2) * self._kept).real
        self._forcing = self.transform(equation.forcing(grid, device))
        linear = equation.viscosity * self.spectral.laplacian() - equation.drag
        self._scheme = ETDRK4(linear, lambda w_hat: self.advection(w_hat) + self._forcing, dt)

    def transform(self, w: Float[Tensor, "*batch x y"]) -> Complex[Tensor, "*batch kx ky"]:
        """The modes of a vorticity that the solver keeps."""
        return self._kept * self.spectral.forward(w)

    def advection(self, w_hat: Complex[Tensor, "*batch kx ky"]) -> Complex[Tensor, "*batch kx ky"]:
        """The transform of −(u w_x + v w_y)."""
        u = self.spectral.inverse(self._u_of_w * w_hat)
        v = self.spectral.inverse(self._v_of_w * w_hat)
        squares = self.spectral.forward((v - u) * (v + u))
        product = self.spectral.forward(u * v)
        return self._of_squares * squares + self._of_product * product

    def step(self, w_hat: Complex[Tensor, "*batch kx ky"]) -> Complex[Tensor, "*batch kx ky"]:
        """The transform `dt` later."""
        return self._scheme.step(w_hat)


def solve(
    vorticity: Float[Tensor, "*batch x y"],
    *,
    grid: Grid,
    equation: Equation,
    interval: float,
    frames: int,
    substeps: int,
) -> Float[Tensor, "*batch frames x y"]:
    """The vorticity at times 0, `interval`, … (`frames` of them), with `substeps` steps an interval.

    Raises DataError if the solution is not finite at the end.
    """
    solver = VorticitySolver(grid=grid, equation=equation, dt=interval / substeps, device=vorticity.device)
    w_hat = solver.transform(vorticity.double())
    solution = [solver.spectral.inverse(w_hat)]
    for _ in range(frames - 1):
        for _ in range(substeps):
            w_hat = solver.step(w_hat)
        solution.append(solver.spectral.inverse(w_hat))
    _refuse_infinite(solution[-1], substeps, interval)
    return torch.stack(solution, dim=-3)


def march(
    vorticity: Float[Tensor, "*batch x y"],
    *,
    grid: Grid,
    equation: Equation,
    interval: float,
    frames: int,
    steps_times: int = 1,
) -> Iterator[Float[Tensor, "*batch x y"]]:
    """Yields what `solve` gives frame by frame, with as many steps as the flow needs from each one to the next.

    `steps_times` as many as `num_substeps` says, at least. Raises DataError where the solution is not finite.
    """
    solvers: dict[int, VorticitySolver] = {}
    w = vorticity.double()
    for frame in range(frames):
        substeps = steps_times * _rung(num_substeps(w, grid=grid, equation=equation, interval=interval))
        if substeps not in solvers:
            dt = interval / substeps
            solvers[substeps] = VorticitySolver(grid=grid, equation=equation, dt=dt, device=w.device)
        solver = solvers[substeps]
        w_hat = solver.transform(w)
        if frame:
            for _ in range(substeps):
                w_hat = solver.step(w_hat)
        w = solver.spectral.inverse(w_hat)
        _refuse_infinite(w, substeps, interval)
        yield w


def velocity(
    vorticity: Float[Tensor, "*batch x y"], grid: Grid
) -> tuple[Float[Tensor, "*batch x y"], Float[Tensor, "*batch x y"]]:
    """The velocity (u, v) without mean that has this vorticity."""
    spectral = Spectral(grid, vorticity.device)
    u_of_w, v_of_w = velocity_factors(spectral)
    w_hat = spectral.forward(vorticity)
    return spectral.inverse(u_of_w * w_hat), spectral.inverse(v_of_w * w_hat)


def curl(flow: Float[Tensor, "*batch x y 2"], grid: Grid) -> Float[Tensor, "*batch x y"]:
    """The vorticity ∂v/∂x − ∂u/∂y of a velocity (u, v)."""
    spectral = Spectral(grid, flow.device)
    u, v = flow.unbind(-1)
    return spectral.inverse(spectral.derivative(0) * spectral.forward(v) - spectral.derivative(1) * spectral.forward(u))


def num_substeps(vorticity: Float[Tensor, "*batch x y"], *, grid: Grid, equation: Equation, interval: float) -> int:
    """Steps an interval that flows which begin like this need to be stable and accurate.

    The highest frequency of advection is |u| kx + |v| ky at the largest wavenumbers kept, 2π/3 over the grid's spacing.
    Speed and vorticity are those of the start, and what the forcing may add in the interval.
    """
    forcing = equation.forcing(grid, vorticity.device)
    u, v = velocity(vorticity, grid)
    more_u, more_v = (interval * part.abs().max() for part in velocity(forcing, grid))
    dx, dy = grid.spacing
    frequency = 2 * math.pi / 3 * float(((u.abs() + more_u) / dx + (v.abs() + more_v) / dy).max())
    turn = float(vorticity.abs().max() + interval * forcing.abs().max())
    needed = interval * max(frequency / _LARGEST_PHASE, turn / _LARGEST_TURN)
    if not math.isfinite(needed):
        raise DataError(f"the flow is not finite: reduce the interval of {interval}")
    return max(1, math.ceil(needed))


def velocity_factors(spectral: Spectral) -> tuple[Complex[Tensor, "kx ky"], Complex[Tensor, "kx ky"]]:
    """Factors from ŵ to û and v̂ through the stream function ψ̂ = ŵ / |k|²."""
    psi_of_w = -spectral.inverse_laplacian()
    return spectral.derivative(1) * psi_of_w, -spectral.derivative(0) * psi_of_w


def _rung(substeps: int) -> int:
    """The next of the numbers 2^(i/4), rounded up: few differ in a long flow."""
    return math.ceil(2 ** (math.ceil(_RUNGS * math.log2(substeps)) / _RUNGS))


def _refuse_infinite(w: Tensor, substeps: int, interval: float) -> None:
    if not bool(w.isfinite().all()):
        raise DataError(f"the solver is unstable with {substeps} steps an interval of {interval}: reduce the interval")
