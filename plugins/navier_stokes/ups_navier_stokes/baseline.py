"""The baseline `pseudo_spectral`: what a solver without training makes of the points that the simulator has."""

from itertools import islice

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Baseline, Forecast, Grid, Problem
from ups_navier_stokes.equation import VELOCITY, Equation, equation_of, parameter_names
from ups_navier_stokes.solver import curl, march, velocity

_POINTS_AT_ONCE = 2**15
"""On a CPU: more do not fit its cache."""


@frozen(kw_only=True)
class PseudoSpectral(Baseline):
    """The data's own scheme, ETDRK4 on Fourier modes with the 2/3 rule, on the grid and from the start that is given.

        w_t + u w_x + v w_y = ν ∇²w − μ w + F

    Viscosity, drag and forcing are the trajectory's own parameters. The mark to beat: it errs only by the waves that
    the simulator's grid does not hold, a third of which the rule drops too. A velocity is advanced as its curl, so that
    a divergence in the start is dropped; its mean, 0 in this plugin's data, is dropped too.
    """

    def build(self, problem: Problem) -> Forecast:
        """Raises SpecError on `use` if the problem is no flow of this plugin's."""
        names = parameter_names(problem)
        is_velocity = problem.name == VELOCITY

        def forecast(
            start: Float[Tensor, "B N C"], steps: int, grid: Grid, parameters: Float[Tensor, "B P"]
        ) -> Float[Tensor, "B T N C"]:
            result = start.new_empty(len(start), steps, *start.shape[1:])
            rows, kind = parameters.double().unique(dim=0, return_inverse=True)
            for number, row in enumerate(rows.tolist()):
                equation = equation_of(names, row)
                for members in (kind == number).nonzero()[:, 0].split(_batch(grid, start.device)):
                    fields = grid.unflatten(start[members]).double()
                    w = curl(fields, grid) if is_velocity else fields[..., 0]
                    for step, frame in enumerate(_frames(w, steps, grid, equation, problem.dt)):
                        parts = velocity(frame, grid) if is_velocity else (frame,)
                        result[members, step] = torch.stack(parts, dim=-1).flatten(1, 2).to(result)
            return result

        return forecast


def _frames(w: Tensor, steps: int, grid: Grid, equation: Equation, dt: float) -> "islice[Tensor]":
    """The frames after the start."""
    return islice(march(w, grid=grid, equation=equation, interval=dt, frames=steps + 1), 1, None)


def _batch(grid: Grid, device: torch.device) -> int:
    """Trajectories to advance together; a GPU takes all."""
    return 2**20 if device.type == "cuda" else max(1, _POINTS_AT_ONCE // grid.num_points)
