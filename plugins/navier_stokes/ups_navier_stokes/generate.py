"""Makes the flows of one split with the solver, into one file."""

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import attrs
import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Axis, Grid
from ups_framework.data.pdebench import Attribute
from ups_framework.numerics.random import generator
from ups_navier_stokes.equation import Equation
from ups_navier_stokes.files import Layout, write
from ups_navier_stokes.initial import fno_vorticity, random_vorticity
from ups_navier_stokes.solver import NAME, march, velocity

_GENERATION = 2
"""Raised when the same flows would get other numbers: files made before are left aside then."""

_BATCH_ON_CPU, _BATCH_ON_GPU = 8, 128
"""Flows solved together: what fits the caches of a core, and what fills a GPU."""

_STARTS = {"unit_speed": random_vorticity, "fno": fno_vorticity}


@frozen(kw_only=True)
class Flows:
    """All that determines the content of a file."""

    name: str
    """Name of the dataset, without the equation's."""

    split: str
    """Name of the split: no two splits share a flow."""

    count: int
    """Number of flows."""

    seed: int
    """Seed of the initial vorticity."""

    fields: Literal["vorticity", "velocity"]
    """What is stored of them."""

    equation: Equation
    """What they are solutions of."""

    start: Literal["unit_speed", "fno"]
    """Law of the initial vorticity: `random_vorticity` or `fno_vorticity`."""

    spin_up: float
    """Time that is solved before the first frame and not stored."""

    frames: int
    """Frames of each flow."""

    dt: float
    """Time between two frames."""

    length: float
    """Length of both axes."""

    points: int
    """Points along each axis of the grid that is stored."""

    refinement: int
    """The solver's grid has this many times the points."""

    @property
    def layout(self) -> Layout:
        """What the file holds."""
        grid = torus(self.points, self.length)
        return Layout(samples=self.count, frames=self.frames, dt=self.dt, grid=grid, fields=self.fields)

    @property
    def file_name(self) -> str:
        """With sixteen hex digits that change with the content."""
        content = json.dumps([_GENERATION, NAME, attrs.asdict(self)], sort_keys=True)
        return f"{self.name}_{self.split}_{hashlib.sha256(content.encode()).hexdigest()[:16]}.h5"


def torus(points: int, length: float = 1.0) -> Grid:
    """A square torus with as many points along each axis, the first at 0."""
    axes = (Axis(name="x", upper=length), Axis(name="y", upper=length))
    return Grid(axes=axes, shape=(points, points), offset=(0.0, 0.0))


def make(flows: Flows, path: Path, device: torch.device, report: Callable[[str], None]) -> None:
    """Solve the flows on `device` and write them to `path`; DataError if the disk refuses or the solver blows up."""
    attributes: dict[str, Attribute] = {
        **flows.equation.terms(),
        "generation": _GENERATION,
        "solver": NAME,
        "solver_points": flows.points * flows.refinement,
        "start": flows.start,
        "spin_up": flows.spin_up,
        "seed": flows.seed,
        "split": flows.split,
        "device": device.type,
        "torch": str(torch.__version__),
    }
    if flows.refinement == 1:  # the file holds the solver's own points: what is judged here is truth for others
        attributes["self_error"] = _self_error(flows, device, report)
    write(path, flows.layout, _solutions(flows, device, report), attributes)


def _starts(flows: Flows, device: torch.device) -> Iterator[Float[Tensor, "b X Y"]]:
    """The vorticity of the first frame, batch by batch; the first flows are the same whatever their number."""
    size = _BATCH_ON_GPU if device.type == "cuda" else _BATCH_ON_CPU
    grid = torus(flows.points * flows.refinement, flows.length)
    for first in range(0, flows.count, size):
        indices = range(first, min(first + size, flows.count))
        draws = [generator(flows.seed, f"navier_stokes_{flows.name}", flows.split, index) for index in indices]
        w = torch.stack([_STARTS[flows.start](grid, draw) for draw in draws]).to(device)
        intervals = round(flows.spin_up / flows.dt) or 1
        if flows.spin_up:
            every = flows.spin_up / intervals
            *_, w = march(w, grid=grid, equation=flows.equation, interval=every, frames=intervals + 1)
        yield w


def _solutions(
    flows: Flows, device: torch.device, report: Callable[[str], None]
) -> Iterator[Float[Tensor, "b frames x y C"]]:
    """The fields at the stored points, batch by batch."""
    done, points = 0, flows.points * flows.refinement
    for start in _starts(flows, device):
        yield torch.stack([_stored(w, flows) for w in _frames(flows, start)], dim=1)
        done += len(start)
        report(f"navier_stokes: {done} of {flows.count} {flows.split} flows solved on {points}² points")


def _stored(w: Float[Tensor, "b X Y"], flows: Flows) -> Float[Tensor, "b x y C"]:
    """What is kept of one frame: the velocity is that of all the solver's points."""
    fields = velocity(w, torus(w.shape[-1], flows.length)) if flows.fields == "velocity" else (w,)
    return torch.stack(fields, dim=-1)[:, :: flows.refinement, :: flows.refinement]


def _frames(flows: Flows, start: Float[Tensor, "b X Y"], finer: int = 1) -> Iterator[Float[Tensor, "b X Y"]]:
    """The flow at all points of the solver, from the first frame on; `finer` times the time steps."""
    grid = torus(start.shape[-1], flows.length)
    return march(start, grid=grid, equation=flows.equation, interval=flows.dt, frames=flows.frames, steps_times=finer)


def _self_error(flows: Flows, device: torch.device, report: Callable[[str], None]) -> float:
    """Relative L2 distance of the first flow's last frame from a solution with twice the points and half the step."""
    (start,) = islice(_starts(attrs.evolve(flows, count=1), device), 1)
    *_, w = _frames(flows, start)
    *_, finer = _frames(flows, _on_twice_the_points(start), finer=2)
    error = float((w - finer[..., ::2, ::2]).norm() / finer[..., ::2, ::2].norm())
    points = start.shape[-1]
    report(f"navier_stokes: {points}² points differ from {2 * points}² by {error:.1e} at the last frame")
    return error


def _on_twice_the_points(w: Float[Tensor, "b n n"]) -> Float[Tensor, "b 2n 2n"]:
    """The same waves, none of which is as short as two points."""
    n = w.shape[-1]
    middle = torch.fft.fftshift(torch.fft.fft2(w), dim=(-2, -1))
    padded = torch.nn.functional.pad(middle, (n // 2, n - n // 2) * 2)
    finer: Tensor = 4 * torch.fft.ifft2(torch.fft.ifftshift(padded, dim=(-2, -1))).real
    return finer
