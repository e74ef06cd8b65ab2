"""The metric `heat_residual`."""

import math

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor
from ups_framework.api import ClosedForm, Grid, Measure, Metric, Problem, SpecError

from ups_heat.equation import require_heat
from ups_heat.residual import mean_square_residual


@frozen(kw_only=True)
class HeatResidualMetric(Metric):
    """Mean square residual of u_t = κ ∇²u between neighbouring predicted frames: mean r² / mean u₀².

    The same functional as the loss, in units of the first predicted frame. Entry k compares frames k − 1 and k; the
    first is 0, since a measure does not see the frame before it.
    """

    def build(self, problem: Problem) -> Measure:
        """Raises SpecError on `use` for another problem, or a range of κ: a measure is not told which one it was."""
        require_heat(problem)
        diffusivity = problem.parameters[0]
        if diffusivity.low != diffusivity.high:
            raise SpecError("use", f"needs one diffusivity, but it is {diffusivity.low:g} to {diffusivity.high:g}")

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            parameters = prediction.new_full((len(prediction), 1), diffusivity.low)
            missed = mean_square_residual(prediction, grid, problem.dt, parameters)
            return torch.cat([missed.new_zeros(1), missed])[:, None]

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm:
        """One wave along x that stands still, where it should decay by exp(−4π² κ dt)."""
        x = problem.grid.points()[:, 0].double()
        still = torch.cos(2 * math.pi * x).expand(1, 2, -1)[..., None]
        missed = 1 - math.exp(-4 * math.pi**2 * problem.parameters[0].low * problem.dt)
        return ClosedForm(prediction=still, truth=still, value=torch.tensor([[0.0], [missed**2]]).double())
