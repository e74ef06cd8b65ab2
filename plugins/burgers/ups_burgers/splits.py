"""Splits of files that hold one viscosity each."""

from collections.abc import Callable
from pathlib import Path

import torch
from attrs import frozen

from ups_framework.api import Grid, Trajectories
from ups_framework.data.pdebench import read


def share(count: int, file: int, num_files: int) -> int:
    """How many of `count` trajectories that are dealt out in turn a file gives."""
    return len(range(file, count, num_files))


@frozen(kw_only=True)
class Files:
    """Where trajectories are and how they are read."""

    paths: tuple[Path, ...]
    """One file a viscosity."""

    viscosities: tuple[float, ...]
    """ν of each file."""

    grid: Grid
    """The points of all files."""

    frames: int
    """Frames of each trajectory."""

    every_t: int
    """Which frames to keep."""

    dt: float
    """Time between two frames that are kept."""

    device: torch.device
    """Where trajectories go."""

    def split(self, before: tuple[int, ...], count: int, every_x: int, report: Callable[[str], None]) -> Trajectories:
        """`count` trajectories after the splits with so many `before`; number k comes from file k mod files."""
        num_files = len(self.paths)
        frames = len(range(0, self.frames, self.every_t))
        grid = self.grid.subsample(every_x)
        values = torch.empty(count, frames, grid.num_points, 1, device=self.device)
        parameters = torch.empty(count, 1, device=self.device)
        for file, (path, viscosity) in enumerate(zip(self.paths, self.viscosities, strict=True)):
            first = sum(share(earlier, file, num_files) for earlier in before)
            numbers = range(first, first + share(count, file, num_files))
            part = read(path, trajectories=numbers, every_t=self.every_t, every_x=every_x, report=report)
            values[file::num_files, ..., 0] = part.values.to(self.device)
            parameters[file::num_files] = viscosity
        return Trajectories(values=values, parameters=parameters, grid=grid, dt=self.dt)
