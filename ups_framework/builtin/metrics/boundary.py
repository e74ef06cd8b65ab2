"""The error at the edge of the grid."""

import math

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, Measure, Metric, Problem
from ups_framework.builtin.metrics.cases import one_point


@frozen(kw_only=True)
class BRMSE(Metric):
    """Error at the outermost points of the grid, in the field's unit: mean_b sqrt(mean_{x in faces} e²).

    A face is the first or last layer of points along one axis: two points in 1-D, four rows in 2-D (a corner counts
    twice), six planes in 3-D. The outermost points lie on the boundary only where the grid's offset is 0.
    In 3-D PDEBench also sums over channels; this one keeps channels apart, so that its 3-D numbers do not compare.
    Reference: PDEBench (Takamoto et al. 2022), `metric_func`, "bRMSE".
    """

    def build(self, problem: Problem) -> Measure:
        """The same measure for every problem."""
        return _brmse

    def closed_form(self, problem: Problem) -> ClosedForm:
        """2 at a corner, which is one of 2 N / n_a points of the faces of each of d axes: √(4 d / Σ_a 2 N / n_a)."""
        points = sum(2 * problem.grid.num_points // n for n in problem.grid.shape)
        value = 2.0 * math.sqrt(len(problem.axes) / points)
        return one_point(problem, truth=1.0, error=2.0, value=value)


def _brmse(prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "T C"]:
    square = grid.unflatten((prediction - truth).square())
    faces = []
    for axis, n in enumerate(grid.shape):
        ends = torch.tensor([0, n - 1], device=square.device)
        faces.append(square.index_select(2 + axis, ends).flatten(2, -2))
    return torch.cat(faces, dim=2).mean(dim=2).sqrt().mean(dim=0)
