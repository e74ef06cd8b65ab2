"""The sampler that leaves nothing out."""

import torch

from ups_framework.api import Axis, Field, Grid, Occasion, Problem
from ups_framework.builtin.samplers import Dense

GRID = Grid(axes=(Axis(name="x"), Axis(name="y", upper=2.0)), shape=(3, 4), offset=(0.5, 0.0))
PROBLEM = Problem(name="any", fields=(Field(name="u"),), grid=GRID, dt=1.0)


def occasion(chance: torch.Generator) -> Occasion:
    return Occasion(generator=chance, truth=torch.zeros(1, 2, 12, 1), progress=0.0)


def test_dense_draws_every_point_of_the_grid_once_and_in_order() -> None:
    points = Dense().build(PROBLEM).draw(occasion(torch.Generator()))
    assert points.index is not None
    assert points.index.tolist() == list(range(12))
    assert torch.equal(points.coordinates, GRID.points())


def test_dense_leaves_nothing_to_chance() -> None:
    chance = torch.Generator()
    before = chance.get_state()
    Dense().build(PROBLEM).draw(occasion(chance))
    assert torch.equal(chance.get_state(), before)
