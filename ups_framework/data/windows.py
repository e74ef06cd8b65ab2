"""Random windows of training trajectories, gathered on the device that holds the data."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Symmetry, Trajectories


class Windows:
    """Frames of all trajectories as rows of one matrix, so that a batch is one `index_select`."""

    def __init__(self, trajectories: Trajectories, symmetries: Sequence[Symmetry] = ()) -> None:
        self._grid, self._dt = trajectories.grid, trajectories.dt
        self._num, self._frames, *self._shape = trajectories.values.shape
        self._rows = trajectories.values.flatten(2).flatten(0, 1)
        self._parameters = trajectories.parameters
        self._symmetries = tuple(symmetries)

    def draw(
        self, generator: torch.Generator, batch: int, frames: int
    ) -> tuple[Float[Tensor, "B frames N C"], Float[Tensor, "B P"]]:
        """`batch` windows of consecutive frames at random places, mapped by the symmetries, and their parameters."""
        sample = torch.randint(self._num, (batch,), generator=generator)
        first = torch.randint(self._frames - frames + 1, (batch,), generator=generator)
        rows = (sample * self._frames + first)[:, None] + torch.arange(frames)
        device = self._rows.device
        window = self._rows.index_select(0, rows.flatten().to(device, non_blocking=True))
        window = window.unflatten(0, (batch, frames)).unflatten(-1, self._shape)
        for symmetry in self._symmetries:
            window = symmetry(window, self._grid, self._dt, generator)
        return window, self._parameters.index_select(0, sample.to(device, non_blocking=True))
