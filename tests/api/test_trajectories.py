"""Trajectories on coarser grids."""

import pytest
import torch

from ups_framework.api import Axis, Grid, SpecError, Trajectories

AXES = (Axis(name="x"), Axis(name="y", upper=2.0))


def test_a_subsample_keeps_the_values_of_the_points_it_keeps() -> None:
    grid = Grid(axes=AXES, shape=(4, 8), offset=(0.5, 0.0))
    place = grid.points().expand(2, 3, -1, -1)  # the field is the coordinate
    whole = Trajectories(values=place, parameters=torch.tensor([[1.0], [2.0]]), grid=grid, dt=0.25)
    coarse = whole.subsample(2)
    assert coarse.grid.shape == (2, 4)
    torch.testing.assert_close(coarse.values, coarse.grid.points().expand(2, 3, -1, -1))
    assert torch.equal(coarse.parameters, whole.parameters)
    assert (len(coarse), coarse.dt) == (2, 0.25)


def test_every_first_point_is_every_point() -> None:
    grid = Grid(axes=AXES[:1], shape=(5,), offset=(0.5,))
    whole = Trajectories(values=torch.rand(1, 2, 5, 3), parameters=torch.zeros(1, 0), grid=grid, dt=1.0)
    assert torch.equal(whole.subsample(1).values, whole.values)
    assert whole.subsample(1).grid == grid


def test_a_grid_that_does_not_divide_is_refused() -> None:
    grid = Grid(axes=AXES[:1], shape=(6,), offset=(0.5,))
    whole = Trajectories(values=torch.rand(1, 2, 6, 1), parameters=torch.zeros(1, 0), grid=grid, dt=1.0)
    with pytest.raises(SpecError, match="the 6 points along x do not divide by 4"):
        whole.subsample(4)
