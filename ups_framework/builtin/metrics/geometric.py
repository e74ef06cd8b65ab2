"""One number for a whole rollout, in which errors that grow by orders of magnitude count alike."""

import math

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, Measure, Metric, Problem
from ups_framework.builtin.metrics.pointwise import NRMSE


@frozen(kw_only=True)
class GeometricNRMSE(Metric):
    """Geometric mean over time of the relative error: exp( mean_{t ≤ steps} ln nRMSE_t ), the same at every step.

    nRMSE_t is the metric `nrmse`. A method that is exact at one step scores 0. Where there are fewer predicted frames
    than `steps` it is the mean over all of them; `nrmse` itself, where there is one.
    Reference: APEBench (Koehler et al. 2024), "GMean of Mean nRMSE"; with one field its nRMSE is this one.
    """

    steps: int = field(default=100, validator=validators.ge(1))
    """Predicted frames that count, from the first."""

    def build(self, problem: Problem) -> Measure:
        """The same measure for every problem."""
        nrmse = NRMSE().build(problem)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            table = nrmse(prediction, truth, grid)
            return table[: self.steps].log().mean(0).exp().expand_as(table)

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm:
        """Errors of 1 and 4 times the truth, by turns: their geometric mean is 2 over an even number of steps."""
        truth = torch.ones(2, 2, problem.grid.num_points, problem.num_channels)
        prediction = truth * torch.tensor([2.0, 5.0])[None, :, None, None]
        value = 1.0 if self.steps == 1 else math.sqrt(1.0 * 4.0)
        return ClosedForm(prediction=prediction, truth=truth, value=torch.full((2, problem.num_channels), value))
