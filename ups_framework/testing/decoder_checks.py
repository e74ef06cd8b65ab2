"""What a decoder promises."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ups_framework.testing import inputs
from ups_framework.testing.checks import Suite, Use, distance, shape_problems
from ups_framework.testing.module_checks import awake, built, module_checks
from ups_framework.testing.subject import Subject


def _decode(subject: Subject, module: nn.Module, points: Tensor, index: Tensor | None = None) -> Tensor:
    values: Tensor = module(inputs.latent(subject, points.dtype), points, index)
    return values


def _run(subject: Subject, module: nn.Module, dtype: torch.dtype) -> Sequence[Tensor]:
    return [_decode(subject, module, inputs.coordinates(subject, dtype))]


def gives_values_of_the_promised_shape_at_any_points(subject: Subject) -> Iterator[str]:
    """(B Q C) for the grid, for points between its points, and for a single one."""
    problem, count = subject.setting.problem, len(subject.setting.trajectories)
    module = built(subject)
    low = torch.tensor([axis.lower for axis in problem.axes])
    high = torch.tensor([axis.upper for axis in problem.axes])
    between = low + (high - low) * torch.linspace(0.013, 0.987, 7)[:, None]
    for points in (problem.grid.points(), between, problem.grid.points()[:1]):
        values = _decode(subject, module, points)
        shape = (count, len(points), problem.num_channels)
        yield from shape_problems(f"what it gives at {len(points)} points", values, shape, torch.float32)


def decodes_each_point_by_itself(subject: Subject) -> Iterator[str]:
    """Every third point alone has the values that it has among all, to 1e-5."""
    module, points = awake(subject, built(subject)), inputs.coordinates(subject, torch.float32)
    some = torch.arange(0, len(points), 3)
    apart = distance(_decode(subject, module, points[some]), _decode(subject, module, points)[:, some])
    if apart > 1e-5:
        yield f"some points alone differ from the same points among all by {apart:.2g} of the values' size"


def takes_points_that_differ_by_sample(subject: Subject) -> Iterator[str]:
    """(B Q d) gives each sample what (Q d) gives it for its own points, to 1e-5."""
    module, points = awake(subject, built(subject)), inputs.coordinates(subject, torch.float32)
    count = len(subject.setting.trajectories)
    sets = torch.stack([points.roll(number, 0)[: len(points) // 2] for number in range(count)])
    together = _decode(subject, module, sets)
    for number, own in enumerate(sets):
        apart = distance(together[number], _decode(subject, module, own)[number])
        if apart > 1e-5:
            yield f"with points of its own a sample differs by {apart:.2g} of the values' size"


def decodes_grid_points_by_their_index_as_by_their_place(subject: Subject) -> Iterator[str]:
    """Every third point of the grid, and points of its own for each sample, with and without their index, to 1e-5."""
    module, points = awake(subject, built(subject)), inputs.coordinates(subject, torch.float32)
    count = len(subject.setting.trajectories)
    some = torch.arange(0, len(points), 3)
    for index in (some, torch.stack([some.roll(number) for number in range(count)])):
        places = points[index]
        apart = distance(_decode(subject, module, places, index), _decode(subject, module, places))
        if apart > 1e-5:
            yield f"points of the grid differ by {apart:.2g} of the values' size where their index is given"


def decodes_both_ends_of_a_periodic_axis_alike(subject: Subject) -> Iterator[str]:
    """`lower` and `upper` are one point, so that their values differ by less than 1e-3."""
    problem, module = subject.setting.problem, awake(subject, built(subject))
    for number, axis in enumerate(problem.axes):
        if axis.periodic:
            ends = problem.grid.points()[:1].repeat(2, 1)
            ends[:, number] = torch.tensor([axis.lower, axis.upper])
            lower, upper = _decode(subject, module, ends).unbind(1)
            apart = distance(lower, upper)
            if apart > 1e-3:
                yield f"the ends of axis {axis.name!r} differ by {apart:.2g} of the values' size"


def _use(subject: Subject) -> Use:
    latent, points = inputs.latent(subject, torch.float32), inputs.coordinates(subject, torch.float32)
    return Use(
        given=[*inputs.tensors(latent), points], call=lambda: [awake(subject, built(subject))(latent, points, None)]
    )


SUITE = Suite(
    use=_use,
    checks=(
        gives_values_of_the_promised_shape_at_any_points,
        *module_checks(_run),
        decodes_each_point_by_itself,
        takes_points_that_differ_by_sample,
        decodes_grid_points_by_their_index_as_by_their_place,
        decodes_both_ends_of_a_periodic_axis_alike,
    ),
)
