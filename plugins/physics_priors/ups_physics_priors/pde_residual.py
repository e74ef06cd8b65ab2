"""How far a prediction is from satisfying the equation, where the problem knows it: as a loss term and as a metric."""

from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, LossTerm, Measure, Metric, Problem, Residual, SpecError, Step, Term
from ups_physics_priors.size import root_mean_square, size_per_channel
from ups_physics_priors.tables import from_second_frame, table


@frozen(kw_only=True)
class PdeResidual(LossTerm):
    """Root mean square of what each frame misses of the equation, given the one before, relative to the start's size.

    sqrt of the mean over predicted frames, points and channels, averaged over samples, of (r(û_{k−1}, û_k) / |u₀|)²
    with û₀ = u₀: r is the problem's own residual, in units of the field, and |u₀| the root mean square of the channel's
    field in the sample's true frame 0. Nothing to predict gives 0.

    It knows no more than the scheme behind r: where a front crosses several points between two frames, or is thinner
    than the grid, the truth's own residual is large and this term pulls away from it. Measure that first, by the metric
    for a reference solver, and keep to data where it is small beside the one-step error. Frames that satisfy the
    equation from a wrong one on cost nothing. Good values: `share = 0.05` on smooth data. A raw value compares with a
    one-step nRMSE.

    M. Raissi, P. Perdikaris, G. Karniadakis, J. Comput. Phys. 378 (2019).
    """

    whole_grid: ClassVar[bool] = True

    def build(self, problem: Problem) -> Term:
        """The term; SpecError on `use` if the problem has no residual."""
        residual = residual_of(problem)

        def term(step: Step) -> Float[Tensor, ""]:
            if step.num_steps == 0:
                return step.truth.new_zeros(())
            start = step.truth[:, :1]
            frames = torch.cat([start, step.prediction_on_grid], dim=1)
            missed = residual(frames, problem.grid, problem.dt, step.parameters)
            return root_mean_square(missed / size_per_channel(start[:, 0], problem)[:, None, None])

        return term


@frozen(kw_only=True)
class PdeResidualMetric(Metric):
    """How far rollouts miss their equation, sqrt( mean (r(û_{k−1}, û_k) / |u₁|)² ), the functional of the loss.

    The mean is over trajectories and points, relative to the size |u₁| of the channel's field in the first true frame.
    Entry k compares frames k − 1 and k of the prediction; the first repeats the second, since a measure does not see
    the frame before, and is not a number if there is no second. Read it in rollouts: one-step predictions have each
    another start. The truth's own value is not 0, and on a finer grid it is another one. No unit; it compares with a
    one-step nRMSE.
    """

    def build(self, problem: Problem) -> Measure:
        """SpecError on `use` if there is no residual, or parameters differ between samples: a measure is not told."""
        residual, constants = residual_of(problem), _constants(problem)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            parameters = constants.to(prediction).expand(len(prediction), -1)
            missed = residual(prediction, grid, problem.dt, parameters)
            missed = missed / size_per_channel(truth[:, 0], problem)[:, None, None]
            return from_second_frame(table(missed, slice(0, problem.num_channels), problem.num_channels))

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm | None:
        """1, then 2 everywhere, where the equation keeps both: 1 is missed by a field of size √m with m components."""
        residual, constants = residual_of(problem), _constants(problem)
        truth = torch.ones(2, 2, problem.grid.num_points, problem.num_channels)
        parameters = constants.to(truth).expand(2, -1)
        if any(bool(residual(level * truth, problem.grid, problem.dt, parameters).any()) for level in (1.0, 2.0)):
            return None
        prediction = torch.tensor([1.0, 2.0])[None, :, None, None] * truth
        return ClosedForm(prediction=prediction, truth=truth, value=1 / size_per_channel(truth[:, 0], problem))


def residual_of(problem: Problem) -> Residual:
    """The problem's residual; SpecError on `use` if it has none."""
    if problem.residual is None:
        raise SpecError("use", f"{problem.name} gives no residual of its equation: take this component out")
    return problem.residual


def _constants(problem: Problem) -> Float[Tensor, " P"]:
    """The parameters, each of one value; SpecError on `use` otherwise."""
    for parameter in problem.parameters:
        if parameter.low != parameter.high:
            raise SpecError("use", f"needs one {parameter.name}, but it is {parameter.low:g} to {parameter.high:g}")
    return torch.tensor([parameter.low for parameter in problem.parameters], dtype=torch.float64)
