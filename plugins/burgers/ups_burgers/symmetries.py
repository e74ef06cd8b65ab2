"""Maps of solutions of Burgers' equation to other solutions, exact on the points of the grid."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ups_framework.api import Grid, Symmetry

_LARGEST_SPEED = 0.2
"""Of a change of frame of reference. The mean of PDEBench's starts has a standard deviation of about 0.6: adding a
speed up to 0.2 widens that by some 2 %, so that test data stays typical of what is seen in training."""


def symmetries(grid: Grid, dt: float) -> tuple[Symmetry, ...]:
    """All that are exact on this grid; between walls, only where it has its mirror image's points."""
    if grid.axes[0].periodic:
        return (shift, reflect, galilean) if _largest_step(grid, dt) else (shift, reflect)
    return (mirror,) if grid.offset == (0.5,) else ()


def shift(
    values: Float[Tensor, "B T N C"], grid: Grid, dt: float, generator: torch.Generator
) -> Float[Tensor, "B T N C"]:
    """u(x - a, t), with a random number of points a for each sample."""
    by = torch.randint(grid.num_points, (len(values), 1), generator=generator)
    return _moved(values, by)


def reflect(
    values: Float[Tensor, "B T N C"], grid: Grid, dt: float, generator: torch.Generator
) -> Float[Tensor, "B T N C"]:
    """-u(-x, t) for half of the samples, about the first point of a periodic grid."""
    return _toss(values, -values.flip(2).roll(1, 2), generator)


def mirror(
    values: Float[Tensor, "B T N C"], grid: Grid, dt: float, generator: torch.Generator
) -> Float[Tensor, "B T N C"]:
    """-u(1 - x, t) for half of the samples: walls change places."""
    return _toss(values, -values.flip(2), generator)


def galilean(
    values: Float[Tensor, "B T N C"], grid: Grid, dt: float, generator: torch.Generator
) -> Float[Tensor, "B T N C"]:
    """u(x - c t, t) + c, with a random c for each sample that moves it by whole points a frame."""
    largest = _largest_step(grid, dt)
    points = torch.randint(-largest, largest + 1, (len(values), 1), generator=generator)
    speed = (points * (grid.spacing[0] / dt)).to(values)[:, :, None, None]
    frames = values.shape[1]
    return (values if frames == 1 else _moved(values, points * torch.arange(frames))) + speed


def _largest_step(grid: Grid, dt: float) -> int:
    """Points that the fastest frame of reference moves from one frame to the next."""
    return int(_LARGEST_SPEED * dt / grid.spacing[0])


def _moved(values: Float[Tensor, "B T N C"], by: Int[Tensor, "B frames"]) -> Float[Tensor, "B T N C"]:
    """Each frame moved round the axis by its own number of points; `frames` is T, or 1 for all frames alike."""
    num_points = values.shape[2]
    index = (torch.arange(num_points) - by[:, :, None]) % num_points
    return values.gather(2, index.to(values.device, non_blocking=True)[..., None].expand_as(values))


def _toss(values: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
    """`other` in place of `values` for half of the samples."""
    chosen = torch.randint(2, (len(values), 1, 1, 1), generator=generator, dtype=torch.bool)
    return torch.where(chosen.to(values.device, non_blocking=True), other, values)
