"""What a sampler promises."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ups_framework.api import Points
from ups_framework.numerics.random import generator
from ups_framework.testing.checks import Suite
from ups_framework.testing.subject import Subject

_DRAWS = 5


def _draws(subject: Subject) -> list[Points]:
    draw = subject.build()
    return [draw(generator(0, "conformance", number)) for number in range(_DRAWS)]


def _use(subject: Subject) -> Sequence[Tensor]:
    return [tensor for points in _draws(subject) for tensor in (points.coordinates, points.index)]


def draws_points_of_the_grid(subject: Subject) -> Iterator[str]:
    """Coordinates are those of the points that `index` names."""
    grid = subject.setting.problem.grid
    for points in _draws(subject):
        if points.index.dtype != torch.int64:
            yield f"index is {points.index.dtype}, not int64"
        elif not bool(((points.index >= 0) & (points.index < grid.num_points)).all()):
            yield f"an index lies outside the grid of {grid.num_points} points"
        elif not torch.allclose(points.coordinates, grid.points()[points.index]):
            yield "coordinates are not those of the points that the index names"


def draws_no_point_twice(subject: Subject) -> Iterator[str]:
    """In one draw."""
    for points in _draws(subject):
        if len(points.index.unique()) != len(points.index):
            yield f"{len(points.index) - len(points.index.unique())} of {len(points.index)} points occur twice"


def draws_equally_many_points_each_time(subject: Subject) -> Iterator[str]:
    """At least one, and the same number for every seed."""
    counts = sorted({len(points.index) for points in _draws(subject)})
    if len(counts) > 1 or not counts[0]:
        yield f"it draws {' or '.join(map(str, counts))} points: a step has to cost the same each time"


def reaches_every_point(subject: Subject) -> Iterator[str]:
    """No point of the grid is left out for ever."""
    draw, grid = subject.build(), subject.setting.problem.grid
    per_draw = len(draw(generator(0, "conformance", 0)).index)
    seen = torch.zeros(grid.num_points, dtype=torch.bool)
    for number in range(20 * grid.num_points // per_draw + 20):  # a uniform draw misses one with e⁻²⁰ N
        seen[draw(generator(0, "conformance", number)).index] = True
    if not bool(seen.all()):
        yield f"{int((~seen).sum())} of {grid.num_points} points are never drawn"


SUITE = Suite(
    use=_use,
    checks=(
        draws_points_of_the_grid,
        draws_no_point_twice,
        draws_equally_many_points_each_time,
        reaches_every_point,
    ),
)
