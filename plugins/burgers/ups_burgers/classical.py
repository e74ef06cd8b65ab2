"""Baselines: what solvers make of the points that the simulator has."""

from collections.abc import Callable
from typing import Protocol

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor

from ups_burgers.equation import require_burgers
from ups_burgers.finite_volume import FiniteVolume
from ups_burgers.march import Solver, march, march_along
from ups_burgers.spectral import FourierETDRK4
from ups_framework.api import Baseline, Forecast, Grid, Problem, SpecError
from ups_framework.numerics.interpolation import cubic_stencil

_CELLS_AT_ONCE = 2**14
"""On a CPU: more do not fit its cache."""


@frozen(kw_only=True)
class FiniteVolumeBaseline(Baseline):
    """Second-order finite volumes on the grid and from the start that the simulator is given, in double precision.

    du_i/dt = -(F_{i+½} - F_{i-½}) / h with van Leer's limited slopes and Godunov's flux (`finite_volume.py`).
    The mark to beat: it needs no training, and on the model's own grid it is hard to better at any viscosity.
    """

    def build(self, problem: Problem) -> Forecast:
        """Raises SpecError on `use` if the problem is not Burgers' equation."""
        require_burgers(problem)
        return _forecast(FiniteVolume, _at_rest, problem)


@frozen(kw_only=True)
class MovingFiniteVolumeBaseline(Baseline):
    """u(x, t) = v(x − ct, t) + c with v by the finite volumes of `finite_volume`: a frame of reference for each sample.

    That u solves Burgers' equation if v does. Of the c that move a sample by whole grid points a time step, so that
    nothing is interpolated, each takes the one that halves its range of speeds about 0 (`march.py`): shocks cross fewer
    cells, which lose less there.
    """

    refine: int = field(default=1, validator=[validators.ge(1), validators.le(64)])
    """The solver's points for each of the simulator's; the start between those is cubic interpolation. With 4 little of
    the error is the solver's: what is left is what one frame on the simulator's points does not tell."""

    def build(self, problem: Problem) -> Forecast:
        """Raises SpecError on `use` if the problem is not Burgers' equation on a periodic axis."""
        require_burgers(problem)
        _require_periodic(problem, "moving frames of reference")
        return _forecast(FiniteVolume, march_along, problem, self.refine)


@frozen(kw_only=True)
class FourierBaseline(Baseline):
    """Fourier modes on the grid and from the start that the simulator is given, in double precision.

    û_t = −½ i k F[u²] − (ν/π) k² û, the product by the two-thirds rule, time by ETDRK4 (`spectral.py`). Where the grid
    resolves all fronts it is better than finite volumes; where viscosity is large for the grid it is much faster, too.

    A.-K. Kassam, L. N. Trefethen, Fourth-order time-stepping for stiff PDEs, SIAM J. Sci. Comput. 26 (2005).
    """

    def build(self, problem: Problem) -> Forecast:
        """Raises SpecError on `use` if the problem is not Burgers' equation on a periodic axis."""
        require_burgers(problem)
        _require_periodic(problem, "Fourier modes")
        return _forecast(FourierETDRK4, _at_rest, problem)


def _require_periodic(problem: Problem, what: str) -> None:
    """SpecError on `use` between walls; `what` needs a periodic axis."""
    if not problem.grid.axes[0].periodic:
        raise SpecError("use", f"{what} need a periodic axis; take 'finite_volume'")


class _March(Protocol):
    def __call__(
        self, solver: Solver, start: Float[Tensor, "B N"], grid: Grid, *, frames: int, dt: float
    ) -> Float[Tensor, "B frames N"]:
        """The solution at 0, dt, 2 dt, …"""


def _at_rest(
    solver: Solver, start: Float[Tensor, "B N"], grid: Grid, *, frames: int, dt: float
) -> Float[Tensor, "B frames N"]:
    """In the frame of reference in which the grid rests."""
    return march(solver, start, frames=frames, dt=dt)


def _forecast(
    solver_type: Callable[[Grid, float, torch.device], Solver], march_of: _March, problem: Problem, refine: int = 1
) -> Forecast:
    """Frames by a solver that is made for one viscosity, on a grid `refine` times as fine."""

    def forecast(
        start: Float[Tensor, "B N C"], steps: int, grid: Grid, parameters: Float[Tensor, "B P"]
    ) -> Float[Tensor, "B T N C"]:
        result = start.new_empty(len(start), steps, start.shape[1], 1)
        fine, u = _refined(grid, start.double(), refine)
        for viscosity in parameters[:, 0].unique().tolist():
            solver = solver_type(fine, viscosity, start.device)
            same = (parameters[:, 0] == viscosity).nonzero()[:, 0]
            for numbers in same.split(_batch(fine, start.device)):
                frames = march_of(solver, u[numbers, :, 0], fine, frames=steps + 1, dt=problem.dt)
                result[numbers, :, :, 0] = frames[:, 1:, ::refine].to(result)
        return result

    return forecast


def _refined(grid: Grid, values: Float[Tensor, "B N C"], refine: int) -> tuple[Grid, Float[Tensor, "B refine*N C"]]:
    """A grid of which every `refine`-th point is one of this periodic one, and the values there."""
    if refine == 1:
        return grid, values
    (num_points,), (offset,) = grid.shape, grid.offset
    fine = Grid(axes=grid.axes, shape=(refine * num_points,), offset=(refine * offset,))
    return fine, cubic_stencil(grid, fine.coordinates(0)[:, None].to(values.device))(values)


def _batch(grid: Grid, device: torch.device) -> int:
    """Trajectories to advance together; a GPU takes all."""
    return 2**20 if device.type == "cuda" else max(1, _CELLS_AT_ONCE // grid.num_points)
