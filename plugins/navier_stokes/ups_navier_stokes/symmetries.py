"""Maps from flows on the torus to other flows on it."""

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid


def shift(
    values: Float[Tensor, "B T N C"], grid: Grid, dt: float, generator: torch.Generator
) -> Float[Tensor, "B T N C"]:
    """Every trajectory moved by its own random number of whole points along both axes, which is exact on the torus."""
    del dt  # the equation is the same everywhere, at every speed
    field = grid.unflatten(values)
    num_x, num_y = grid.shape
    x = _shifted_index(num_x, len(values), generator, values.device)[:, None, :, None]
    y = _shifted_index(num_y, len(values), generator, values.device)[:, None, None, :]
    sample = torch.arange(len(values), device=values.device)[:, None, None, None]
    frame = torch.arange(values.shape[1], device=values.device)[None, :, None, None]
    return field[sample, frame, x, y].flatten(2, 3)


def _shifted_index(n: int, count: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """For each of `count` trajectories, which of n points comes to each place."""
    by = torch.randint(n, (count, 1), generator=generator).to(device)
    return (torch.arange(n, device=device) - by) % n
