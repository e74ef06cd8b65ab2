"""The loss and the metric `burgers_residual`: how far fields are from satisfying the equation, by one functional."""

import math
from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_burgers.equation import require_burgers
from ups_framework.api import ClosedForm, Grid, LossTerm, Measure, Metric, Problem, SpecError, Step, Term


def residual(
    frames: Float[Tensor, "B T N 1"], grid: Grid, dt: float, parameters: Float[Tensor, "B P"]
) -> Float[Tensor, "B T-1 M 1"]:
    """dt · r between neighbouring frames: what the second one misses the equation by, in the unit of u.

        r = (u¹ - u⁰)/dt + ½ [R(u⁰) + R(u¹)]
        R(u)_i = (u²_{i+1} - u²_{i-1})/(4h) - (ν/π) (u_{i+1} - 2u_i + u_{i-1})/h²

    ν is the first parameter; between walls the two outermost points have no residual. The truth's own is not 0: where a
    shock moves over several points between two frames, or is thinner than the grid, central differences see a large
    one. At 256 points, dt 0.05 and ν = 0.001 compare with that of the truth.
    """
    u = frames[..., 0]
    (h,) = grid.spacing
    diffusivity = (parameters[:, :1] / math.pi)[:, None]
    if grid.axes[0].periodic:
        behind, centre, ahead = u.roll(1, -1), u, u.roll(-1, -1)
    else:
        behind, centre, ahead = u[..., :-2], u[..., 1:-1], u[..., 2:]
    rate = (ahead**2 - behind**2) / (4 * h) - diffusivity * (ahead - 2 * centre + behind) / h**2
    return (centre[:, 1:] - centre[:, :-1] + dt / 2 * (rate[:, 1:] + rate[:, :-1])).unsqueeze(-1)


def mean_square_residual(
    frames: Float[Tensor, "B T N 1"], grid: Grid, dt: float, parameters: Float[Tensor, "B P"]
) -> Float[Tensor, " T-1"]:
    """Mean square of `residual` over all samples and points, in units of that of u in the first frame.

    Its square root compares with a one-step nRMSE.
    """
    missed = residual(frames, grid, dt, parameters)
    return missed.square().mean((0, 2, 3)) / frames[:, 0].square().mean()


@frozen(kw_only=True)
class BurgersResidual(LossTerm):
    """Mean square residual of u_t + (u²/2)_x = (ν/π) u_xx from the given frame over all predicted ones.

    Dimensionless; see `mean_square_residual` for the formula and for what the truth has. A mild prior on smooth data
    (ν ≥ 0.01); with shocks that the grid does not resolve it pulls away from the truth: keep its share small.

    M. Raissi, P. Perdikaris, G. Karniadakis, J. Comput. Phys. 378 (2019).
    """

    whole_grid: ClassVar[bool] = True

    def build(self, problem: Problem) -> Term:
        """Raises SpecError on `use` if the problem is not Burgers' equation or has its frames far apart."""
        _require_near_frames(problem)
        return _of_step


def _require_near_frames(problem: Problem) -> None:
    """SpecError on `use` for another equation, or data that says of itself that it has no residual."""
    require_burgers(problem)
    if problem.residual is None:
        raise SpecError("use", "the frames of this data are too far apart for differences in time")


def _of_step(step: Step) -> Float[Tensor, ""]:
    if step.num_steps == 0:
        return step.truth.new_zeros(())
    frames = torch.cat([step.truth[:, :1], step.prediction_on_grid], dim=1)
    return mean_square_residual(frames, step.problem.grid, step.problem.dt, step.parameters).mean()


@frozen(kw_only=True)
class BurgersResidualMetric(Metric):
    """Mean square residual of u_t + (u²/2)_x = (ν/π) u_xx between the predicted frames.

    The same functional as the loss, in units of the first predicted frame. Entry k compares frames k - 1 and k; the
    first repeats the second, since a measure does not see the frame before, and is not a number if there is no second.
    """

    def build(self, problem: Problem) -> Measure:
        """Raises SpecError on `use` for another equation, frames far apart, or viscosities, which it is not told."""
        _require_near_frames(problem)
        viscosity = problem.parameters[0]
        if viscosity.low != viscosity.high:
            raise SpecError("use", f"needs one viscosity, but the data has {viscosity.low:g} to {viscosity.high:g}")

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            values = prediction.new_full((len(prediction), 1), viscosity.low)
            squares = mean_square_residual(prediction, grid, problem.dt, values)
            first = squares[:1] if len(squares) else squares.new_full((1,), math.nan)
            return torch.cat([first, squares])[:, None]

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm:
        """1, then 2 everywhere, where the equation keeps 1: a residual of 1 for a field of 1."""
        truth = torch.ones(3, 2, problem.grid.num_points, 1)
        prediction = torch.tensor([1.0, 2.0])[None, :, None, None] * truth
        return ClosedForm(prediction=prediction, truth=truth, value=torch.ones(2, 1))
