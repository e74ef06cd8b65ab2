"""The loss `heat_residual`."""

from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor
from ups_framework.api import LossTerm, OnTruth, Problem, Step, Term

from ups_heat.equation import require_heat
from ups_heat.residual import mean_square_residual


@frozen(kw_only=True)
class HeatResidual(LossTerm):
    """Mean square residual of u_t = κ ∇²u from the given frame over all predicted ones: mean r² / mean u₀².

    r is what a frame misses when the equation advances the one before it (`residual.py`); 0 on the truth. Good values:
    a share of 0.05 to 0.2 beside a pointwise loss.

    M. Raissi, P. Perdikaris, G. Karniadakis, J. Comput. Phys. 378 (2019).
    """

    whole_grid: ClassVar[bool] = True

    on_truth: ClassVar[OnTruth] = "zero"

    def build(self, problem: Problem) -> Term:
        """Raises SpecError on `use` if the problem is another one."""
        require_heat(problem)
        return _of_step


def _of_step(step: Step) -> Float[Tensor, ""]:
    if step.num_steps == 0:
        return step.truth.new_zeros(())
    frames = torch.cat([step.truth[:, :1], step.prediction_on_grid], dim=1)
    return mean_square_residual(frames, step.problem.grid, step.problem.dt, step.parameters).mean()
