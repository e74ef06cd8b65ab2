"""The baselines `finite_volume` and `fourier`: what solvers make of the points that the simulator has."""

from collections.abc import Callable

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_burgers.equation import require_burgers
from ups_burgers.finite_volume import FiniteVolume
from ups_burgers.march import Solver, march
from ups_burgers.spectral import FourierETDRK4
from ups_framework.api import Baseline, Forecast, Grid, Problem, SpecError

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
        return _forecast(FiniteVolume, problem)


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
        if not problem.grid.axes[0].periodic:
            raise SpecError("use", "Fourier modes need a periodic axis; take 'finite_volume'")
        return _forecast(FourierETDRK4, problem)


def _forecast(solver_type: Callable[[Grid, float, torch.device], Solver], problem: Problem) -> Forecast:
    """Frames by a solver that is made for one viscosity."""

    def forecast(
        start: Float[Tensor, "B N C"], steps: int, grid: Grid, parameters: Float[Tensor, "B P"]
    ) -> Float[Tensor, "B T N C"]:
        result = start.new_empty(len(start), steps, start.shape[1], 1)
        for viscosity in parameters[:, 0].unique().tolist():
            solver = solver_type(grid, viscosity, start.device)
            same = (parameters[:, 0] == viscosity).nonzero()[:, 0]
            for numbers in same.split(_batch(grid, start.device)):
                frames = march(solver, start[numbers, :, 0].double(), frames=steps + 1, dt=problem.dt)
                result[numbers, :, :, 0] = frames[:, 1:].to(result)
        return result

    return forecast


def _batch(grid: Grid, device: torch.device) -> int:
    """Trajectories to advance together; a GPU takes all."""
    return 2**20 if device.type == "cuda" else max(1, _CELLS_AT_ONCE // grid.num_points)
