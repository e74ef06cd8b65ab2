"""Metrics that treat all points of the grid alike. In the formulas e = prediction - truth."""

import math

import attrs
import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, Measure, Metric, Problem
from ups_framework.builtin.metrics.cases import one_point

VARIANCE_FLOOR = 1e-7
"""What The Well adds to the variance of the truth, in the field's unit squared."""


@frozen(kw_only=True)
class RMSE(Metric):
    """Root mean square error, in the field's unit: mean_b sqrt(mean_x e²).

    The root is taken per trajectory, the mean over trajectories b comes after it.
    Reference: PDEBench (Takamoto et al. 2022), `metric_func`, "RMSE".
    """

    def build(self, problem: Problem) -> Measure:
        """The same measure for every problem."""
        return _rmse

    def closed_form(self, problem: Problem) -> ClosedForm:
        """2 at one of N points: 2 / √N."""
        return one_point(problem, truth=0.0, error=2.0, value=2.0 / math.sqrt(problem.grid.num_points))


@frozen(kw_only=True)
class NRMSE(Metric):
    """Error relative to the size of the truth: mean_b ( sqrt(mean_x e²) / sqrt(mean_x truth²) ).

    A prediction of 0 scores 1. Nothing is added to the denominator: where the truth of one trajectory is 0 at
    all points, the result is infinite, or NaN if the prediction is 0 too.
    Reference: PDEBench (Takamoto et al. 2022), `metric_func`, "nRMSE".
    """

    def build(self, problem: Problem) -> Measure:
        """The same measure for every problem."""
        return _nrmse

    def closed_form(self, problem: Problem) -> ClosedForm:
        """4 at one of N points where the truth is 2: 2 / √N."""
        return one_point(problem, truth=2.0, error=4.0, value=2.0 / math.sqrt(problem.grid.num_points))


@frozen(kw_only=True)
class CRMSE(Metric):
    """Error of the spatial mean, which many equations conserve, in the field's unit: sqrt(mean_b (Σ_x e)²) / N.

    Unlike in RMSE, the mean over trajectories b is taken inside the root.
    Reference: PDEBench (Takamoto et al. 2022), `metric_func`, "cRMSE".
    """

    def build(self, problem: Problem) -> Measure:
        """The same measure for every problem."""
        return _crmse

    def closed_form(self, problem: Problem) -> ClosedForm:
        """2 at one of N points: 2 / N."""
        return one_point(problem, truth=1.0, error=2.0, value=2.0 / problem.grid.num_points)


@frozen(kw_only=True)
class MaxError(Metric):
    """Largest error at any point of any trajectory, in the field's unit: max_{b,x} |e|.

    It grows with the number of trajectories: compare equal test sets only.
    Reference: PDEBench (Takamoto et al. 2022), `metric_func`, "max error".
    """

    def build(self, problem: Problem) -> Measure:
        """The same measure for every problem."""
        return _max_error

    def closed_form(self, problem: Problem) -> ClosedForm:
        """-2 at one point: 2."""
        return one_point(problem, truth=1.0, error=-2.0, value=2.0)


@frozen(kw_only=True)
class VRMSE(Metric):
    """Error relative to the spread of the truth in space: mean_b sqrt( mean_x e² / (std_x(truth)² + 1e-7) ).

    The standard deviation is the unbiased one (divided by N - 1), so that the spatial mean of the truth scores
    sqrt((N - 1) / N), a little less than 1. The 1e-7 is in the field's unit squared: a truth that is constant in space
    scores its RMSE / sqrt(1e-7).
    Reference: The Well (Ohana et al. 2024), `benchmark/metrics/spatial.py`, "VRMSE".
    """

    def build(self, problem: Problem) -> Measure:
        """The same measure for every problem."""
        return _vrmse

    def closed_form(self, problem: Problem) -> ClosedForm:
        """A truth h at one of N points, else 0, has the variance h² / N: the mean square error of a prediction 0."""
        case = one_point(problem, truth=0.0, error=2.0, value=0.0)
        value = (1 + VARIANCE_FLOOR * problem.grid.num_points / 2.0**2) ** -0.5
        return attrs.evolve(
            case, prediction=case.truth, truth=case.prediction, value=torch.full_like(case.value, value)
        )


def _rmse(prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "T C"]:
    return (prediction - truth).square().mean(dim=2).sqrt().mean(dim=0)


def _nrmse(prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "T C"]:
    error = (prediction - truth).square().mean(dim=2).sqrt()
    return (error / truth.square().mean(dim=2).sqrt()).mean(dim=0)


def _crmse(prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "T C"]:
    return (prediction - truth).mean(dim=2).square().mean(dim=0).sqrt()


def _max_error(
    prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
) -> Float[Tensor, "T C"]:
    return (prediction - truth).abs().amax(dim=(0, 2))


def _vrmse(prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "T C"]:
    error = (prediction - truth).square().mean(dim=2)
    return (error / (truth.var(dim=2) + VARIANCE_FLOOR)).sqrt().mean(dim=0)
