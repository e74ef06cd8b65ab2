"""From a solver that takes one step to trajectories, in a frame of reference in which steps are large."""

from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ups_framework.api import Grid


class Solver(Protocol):
    """What advances Burgers' equation on one grid."""

    def advance(self, u: Float[Tensor, "B N"], duration: float) -> Float[Tensor, "B N"]:
        """The solution `duration` later."""


def march(solver: Solver, start: Float[Tensor, "B N"], *, frames: int, dt: float) -> Float[Tensor, "B frames N"]:
    """The solution at 0, dt, 2 dt, …, as float32, in the frame of reference in which the grid rests."""
    kept = torch.empty(len(start), frames, start.shape[1], dtype=torch.float32, device=start.device)
    kept[:, 0] = u = start
    for frame in range(1, frames):
        u = solver.advance(u, dt)
        kept[:, frame] = u
    return kept


def march_along(
    solver: Solver, start: Float[Tensor, "B N"], grid: Grid, *, frames: int, dt: float
) -> Float[Tensor, "B frames N"]:
    """The same as `march` on a periodic axis, in frames of reference that move with the solutions.

    If u(x, t) solves Burgers' equation, so does u(x - c t, t) + c. Each trajectory takes the c that halves its range
    of speeds about 0, which allows larger steps and makes finite volumes about twice as accurate at t = 1, since
    shocks cross fewer cells. c is such that all has moved by whole cells when a frame is kept: nothing is
    interpolated.
    """
    (spacing,), (num_points,) = grid.spacing, grid.shape
    cells = ((start.amax(1) + start.amin(1)) / 2 * dt / spacing).round().long()
    speed = cells[:, None] * spacing / dt
    kept = torch.empty(len(start), frames, num_points, dtype=torch.float32, device=start.device)
    kept[:, 0] = start
    u = start - speed
    for frame in range(1, frames):
        u = solver.advance(u, dt)
        kept[:, frame] = rolled(u, frame * cells) + speed
    return kept


def rolled(u: Float[Tensor, "B N"], shift: Int[Tensor, " B"]) -> Float[Tensor, "B N"]:
    """Each row moved round by its own number of points, to the right where that is positive."""
    num_points = u.shape[1]
    index = (torch.arange(num_points, device=u.device) - shift[:, None]) % num_points
    return u.gather(1, index)
