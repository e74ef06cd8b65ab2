"""The error at the edge of the grid."""

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, Measure, Metric, Problem


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


def _brmse(prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "T C"]:
    square = grid.unflatten((prediction - truth).square())
    faces = []
    for axis, n in enumerate(grid.shape):
        ends = torch.tensor([0, n - 1], device=square.device)
        faces.append(square.index_select(2 + axis, ends).flatten(2, -2))
    return torch.cat(faces, dim=2).mean(dim=2).sqrt().mean(dim=0)
