"""What a sampler promises."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ups_framework.api import Occasion, Points, Sampling
from ups_framework.numerics.random import generator
from ups_framework.testing.checks import Suite, Use
from ups_framework.testing.subject import Subject

_DRAWS = 5
_MANY = 400


def _occasion(subject: Subject, number: int, count: int | None = None) -> Occasion:
    """At half of a stage."""
    return Occasion(
        generator=generator(0, "conformance", number),
        truth=subject.setting.trajectories.values,
        progress=0.5,
        count=count,
    )


def _draws(subject: Subject, draws: int = _DRAWS) -> list[Points]:
    sampling: Sampling = subject.build()
    return [sampling.draw(_occasion(subject, number)) for number in range(draws)]


def _use(subject: Subject) -> Use:
    return Use(given=[subject.setting.trajectories.values], call=lambda: _drawn(subject))


def _drawn(subject: Subject) -> Sequence[Tensor]:
    tensors = [(points.coordinates, points.index, points.weights) for points in _draws(subject)]
    return [tensor for parts in tensors for tensor in parts if tensor is not None]


def draws_points_of_the_domain(subject: Subject) -> Iterator[str]:
    """Those of the grid that `index` names, or points between them whose fields it interpolates."""
    grid, values = subject.setting.problem.grid, subject.setting.trajectories.values
    for points in _draws(subject):
        if points.index is None:
            for axis, column in zip(grid.axes, points.coordinates.unbind(-1), strict=True):
                if not axis.lower <= float(column.min()) <= float(column.max()) <= axis.upper:
                    yield f"points lie outside the domain along {axis.name}"
        elif points.index.dtype != torch.int64:
            yield f"index is {points.index.dtype}, not int64"
        elif not bool(((points.index >= 0) & (points.index < grid.num_points)).all()):
            yield f"an index lies outside the grid of {grid.num_points} points"
        elif not torch.allclose(points.coordinates, grid.points()[points.index]):
            yield "coordinates are not those of the points that the index names"
        shape = (*values[:, 1:].shape[:2], len(points), values.shape[-1])
        if tuple(points.read(values[:, 1:]).shape) != shape:
            yield f"fields read there have the shape {tuple(points.read(values[:, 1:]).shape)}, not {shape}"


def draws_no_point_twice(subject: Subject) -> Iterator[str]:
    """In one set."""
    for points in _draws(subject):
        for points_of_set in points.coordinates.reshape(-1, *points.coordinates.shape[-2:]):
            twice = len(points_of_set) - len(points_of_set.unique(dim=0))
            if twice:
                yield f"{twice} of {len(points_of_set)} points occur twice"


def draws_equally_many_points_each_time(subject: Subject) -> Iterator[str]:
    """At least one, and the same number for every seed."""
    counts = sorted({len(points) for points in _draws(subject)})
    if len(counts) > 1 or not counts[0]:
        yield f"it draws {' or '.join(map(str, counts))} points: a step has to cost the same each time"


def draws_as_many_points_as_asked(subject: Subject) -> Iterator[str]:
    """Where its class says `counts = True`."""
    if not type(subject.spec).counts:
        return
    sampling: Sampling = subject.build()
    for count in (1, subject.setting.problem.grid.num_points // 3):
        found = len(sampling.draw(_occasion(subject, 0, count)))
        if found != count:
            yield f"asked for {count} points it draws {found}"


def reaches_every_part_of_the_domain(subject: Subject) -> Iterator[str]:
    """No point of the grid is left out for ever; off the grid, no neighbourhood of one."""
    grid = subject.setting.problem.grid
    draws = 20 * grid.num_points // len(_draws(subject, 1)[0]) + 20  # a uniform draw misses a point with e⁻²⁰
    seen = torch.zeros(grid.num_points, dtype=torch.bool)
    for points in _draws(subject, draws):
        index = points.index if points.index is not None else _nearest(subject, points.coordinates)
        seen[index.flatten()] = True
    if not bool(seen.all()):
        yield f"{int((~seen).sum())} of {grid.num_points} points are never drawn"


def _nearest(subject: Subject, coordinates: Tensor) -> Tensor:
    return torch.cdist(coordinates.reshape(-1, coordinates.shape[-1]), subject.setting.problem.grid.points()).argmin(1)


def keeps_means_with_its_weights(subject: Subject) -> Iterator[str]:
    """Where it gives weights: over many draws a weighted mean is that over the grid, to 4 standard errors."""
    field = subject.setting.trajectories.values[:, 1:].double()
    estimates = []
    for points in _draws(subject, _MANY):
        if points.weights is None:
            return
        weights = points.weights.double().reshape(*_leading(points.weights), -1, 1)
        estimates.append((points.read(field) * weights).mean((0, 1, 2)))
    found = torch.stack(estimates)
    error = (found.mean(0) - field.mean((0, 1, 2))).abs()
    if bool((error > 4 * found.std(0) / _MANY**0.5 + 1e-9).any()):
        yield f"the weighted mean of a field is off by {float(error.max()):.3g}: weights have to undo the probabilities"


def _leading(weights: Tensor) -> tuple[int, int]:
    """Samples and frames of sets of weights."""
    return (1, 1) if weights.ndim == 1 else (len(weights), 1 if weights.ndim == 2 else weights.shape[1])


def is_restored_with_what_it_has_learned(subject: Subject) -> Iterator[str]:
    """Where it learns: another one with its `state_dict` draws the same points after errors were seen."""
    sampling, other = subject.build(), subject.build()
    if not sampling.learns:
        return
    truth = subject.setting.trajectories.values[:, 1:]
    for number in range(_DRAWS):
        points = sampling.draw(_occasion(subject, number))
        sampling.observe(points, points.read(truth).square().sum(-1))
    other.load_state_dict(sampling.state_dict())
    one, same = (each.draw(_occasion(subject, _DRAWS)) for each in (sampling, other))
    if not torch.equal(one.coordinates, same.coordinates):
        yield "restored from its state_dict it draws other points: keep what it learns in buffers"


SUITE = Suite(
    use=_use,
    checks=(
        draws_points_of_the_domain,
        draws_no_point_twice,
        draws_equally_many_points_each_time,
        draws_as_many_points_as_asked,
        reaches_every_part_of_the_domain,
        keeps_means_with_its_weights,
        is_restored_with_what_it_has_learned,
    ),
)
