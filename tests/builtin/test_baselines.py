"""The baselines that need no training."""

import torch

from ups_framework.api import Axis, Baseline, Field, Grid, Problem
from ups_framework.builtin.baselines import Persistence, SpatialMean

GRID = Grid(axes=(Axis(name="x"),), shape=(5,), offset=(0.0,))
PROBLEM = Problem(name="any", fields=(Field(name="u"), Field(name="v")), grid=GRID, dt=0.1)
START = torch.arange(20.0).reshape(2, 5, 2)


def forecast(baseline: Baseline, steps: int) -> torch.Tensor:
    return baseline.build(PROBLEM)(START, steps, GRID, torch.zeros(2, 0))


def test_persistence_repeats_the_start() -> None:
    result = forecast(Persistence(), 3)
    assert result.shape == (2, 3, 5, 2)
    assert all(torch.equal(result[:, step], START) for step in range(3))


def test_the_spatial_mean_is_taken_per_trajectory_and_channel() -> None:
    result = forecast(SpatialMean(), 3)
    assert result.shape == (2, 3, 5, 2)
    assert torch.equal(result, torch.tensor([[4.0, 5.0], [14.0, 15.0]])[:, None, None, :].expand(2, 3, 5, 2))
