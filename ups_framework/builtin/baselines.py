"""Forecasts that need no training: what a simulator has to beat."""

from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Baseline, Forecast, Grid, Problem


@frozen(kw_only=True)
class Persistence(Baseline):
    """Nothing changes: u(t) = u(0) at every step. Good where dt is short beside the flow's own time."""

    def build(self, problem: Problem) -> Forecast:
        """The same forecast for every problem."""
        return _persistence


@frozen(kw_only=True)
class SpatialMean(Baseline):
    """Everything is mixed: u(x, t) = mean of u(0) over the grid, per channel. Good where diffusion has won."""

    def build(self, problem: Problem) -> Forecast:
        """The same forecast for every problem."""
        return _spatial_mean


def _persistence(
    start: Float[Tensor, "B N C"], steps: int, grid: Grid, parameters: Float[Tensor, "B P"]
) -> Float[Tensor, "B T N C"]:
    return start.unsqueeze(1).expand(-1, steps, -1, -1)


def _spatial_mean(
    start: Float[Tensor, "B N C"], steps: int, grid: Grid, parameters: Float[Tensor, "B P"]
) -> Float[Tensor, "B T N C"]:
    mean = start.mean(dim=1, keepdim=True).expand_as(start)
    return mean.unsqueeze(1).expand(-1, steps, -1, -1)
