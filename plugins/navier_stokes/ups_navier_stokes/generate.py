"""Makes the flows of one split with the solver, into one file."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Axis, Grid
from ups_framework.numerics.random import generator
from ups_navier_stokes.files import Layout, write
from ups_navier_stokes.initial import random_vorticity
from ups_navier_stokes.solver import NAME, num_substeps, solve

_GENERATION = 1
"""Raised when the same flows would get other numbers: files made before are left aside then."""

_BATCH_ON_CPU, _BATCH_ON_GPU = 8, 128
"""Flows solved together: what fits the caches of a core, and what fills a GPU."""


@frozen(kw_only=True)
class Flows:
    """All that determines the content of a file."""

    split: str
    """Name of the split: no two splits share a flow."""

    count: int
    """Number of flows."""

    seed: int
    """Seed of the initial vorticity."""

    viscosity: float
    """ν, in length² / time."""

    frames: int
    """Frames of each flow, the first at time 0."""

    dt: float
    """Time between two frames."""

    points: int
    """Points along each axis of the grid that is stored."""

    refinement: int
    """The solver's grid has this many times the points."""

    @property
    def layout(self) -> Layout:
        """What the file holds."""
        return Layout(samples=self.count, frames=self.frames, dt=self.dt, grid=torus(self.points))

    @property
    def digest(self) -> str:
        """Sixteen hex digits that change with the content."""
        content = json.dumps([_GENERATION, NAME, attrs.asdict(self)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def torus(points: int) -> Grid:
    """The unit torus with as many points along each axis, the first at 0."""
    return Grid(axes=(Axis(name="x"), Axis(name="y")), shape=(points, points), offset=(0.0, 0.0))


def make(flows: Flows, path: Path, device: torch.device, report: Callable[[str], None]) -> None:
    """Solve the flows on `device` and write them to `path`; DataError if the disk refuses or the solver blows up."""
    points = flows.points * flows.refinement
    starts = _starts(flows, points, device)
    substeps = max(num_substeps(start, grid=torus(points), interval=flows.dt) for start in starts)
    attributes: dict[str, str | int | float] = {
        "nu": flows.viscosity,
        "generation": _GENERATION,
        "solver": NAME,
        "solver_points": points,
        "solver_dt": flows.dt / substeps,
        "seed": flows.seed,
        "split": flows.split,
        "device": device.type,
        "torch": str(torch.__version__),
    }
    if flows.refinement == 1:  # the file holds the solver's own points: what is judged here is truth for others
        attributes["self_error"] = _self_error(flows, points, substeps, device, report)
    write(path, flows.layout, _solutions(flows, points, substeps, device, report), attributes)


def _starts(flows: Flows, points: int, device: torch.device) -> Iterator[Float[Tensor, "b X Y"]]:
    """The initial vorticity, batch by batch; the first flows are the same whatever their number."""
    size = _BATCH_ON_GPU if device.type == "cuda" else _BATCH_ON_CPU
    for first in range(0, flows.count, size):
        indices = range(first, min(first + size, flows.count))
        draws = [generator(flows.seed, "navier_stokes_decaying", flows.split, index) for index in indices]
        yield torch.stack([random_vorticity(torus(points), draw) for draw in draws]).to(device)


def _solutions(
    flows: Flows, points: int, substeps: int, device: torch.device, report: Callable[[str], None]
) -> Iterator[Float[Tensor, "b frames x y"]]:
    """The flows at the stored points, batch by batch."""
    done = 0
    for start in _starts(flows, points, device):
        solution = _solve(flows, start, substeps)
        yield solution[..., :: flows.refinement, :: flows.refinement]
        done += len(start)
        report(f"navier_stokes: {done} of {flows.count} {flows.split} flows solved on {points}² points")


def _solve(flows: Flows, start: Float[Tensor, "b X Y"], substeps: int) -> Float[Tensor, "b frames X Y"]:
    """The flows at all points of the solver."""
    grid = torus(start.shape[-1])
    return solve(start, grid=grid, viscosity=flows.viscosity, interval=flows.dt, frames=flows.frames, substeps=substeps)


def _self_error(flows: Flows, points: int, substeps: int, device: torch.device, report: Callable[[str], None]) -> float:
    """Relative L2 distance of the first flow's last frame from a solution with twice the points and half the step."""
    only_first = attrs.evolve(flows, count=1)
    (start,), (finer_start,) = (_starts(only_first, n, device) for n in (points, 2 * points))
    solution = _solve(flows, start, substeps)[0, -1]
    finer = _solve(flows, finer_start, 2 * substeps)[0, -1, ::2, ::2]
    error = float((solution - finer).norm() / finer.norm())
    report(f"navier_stokes: {points}² points differ from {2 * points}² by {error:.1e} at the last frame")
    return error
