"""Reads the head and the flows of published files: PDEBench's layout of incompressible flow, or The Well's."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Axis, Boundary, DataError, Grid
from ups_navier_stokes.equation import VELOCITY

Fields = Literal["vorticity", "velocity"]

_LAYOUTS = (
    "PDEBench's layout of incompressible flow, velocity (samples, time, x, y, 2) and t (samples, time) at the root, "
    "or The Well's, groups dimensions, boundary_conditions, t0_fields and t1_fields"
)
_BOUNDARIES: Mapping[str, Boundary] = {"PERIODIC": "periodic", "WALL": "dirichlet", "ZERO": "dirichlet"}
_ROUNDING = 1e-3
"""How far times and coordinates may be from equal steps, in steps: they are kept in single precision."""


@frozen(kw_only=True, eq=False)
class Header:
    """What a file holds, without its flows."""

    path: Path
    """The file."""

    dataset: str
    """Where the field is in it."""

    name: str
    """What the file says it is about: the name of its equation, if that is one of this plugin's."""

    trajectories: int
    """How many flows it has."""

    frames: int
    """Frames of each."""

    dt: float
    """Time between two frames."""

    grid: Grid
    """Its points and what holds at the ends of the axes."""

    parameters: Mapping[str, float]
    """Parameters that all its flows share."""


def read_header(path: Path, fields: Fields) -> Header:
    """What the file holds; DataError if it is missing, in neither layout, in both, or without that field."""
    with _opened(path) as file:
        layouts = {
            "PDEBench's": isinstance(file.get("velocity"), h5py.Dataset) and "t" in file,
            "The Well's": isinstance(file.get("dimensions"), h5py.Group),
        }
        found = [name for name, is_this in layouts.items() if is_this]
        if len(found) != 1:
            what = "both layouts at once" if found else f"{', '.join(file) or 'nothing'}"
            raise DataError(f"{path}: holds {what}; expected {_LAYOUTS}")
        return _pdebench(path, file, fields) if found == ["PDEBench's"] else _well(path, file, fields)


def read_flows(
    header: Header, *, trajectories: range, frames: int, every_t: int, every_x: int
) -> Float[Tensor, "B T N C"]:
    """The first `frames` of every `every_t`-th frame of some flows on every `every_x`-th point of each axis."""
    with _opened(header.path) as file:
        flows = slice(trajectories.start, trajectories.stop)
        last = (frames - 1) * every_t + 1
        part = file[header.dataset][flows, :last:every_t, ::every_x, ::every_x]
    values = torch.from_numpy(np.asarray(part, dtype=np.float32)).flatten(2, 3)
    if not bool(values.isfinite().all()):
        raise DataError(f"{header.path}: some values are not finite; download it again")
    return values if values.ndim == 4 else values.unsqueeze(-1)


def _pdebench(path: Path, file: Any, fields: Fields) -> Header:  # h5py has no types
    if fields != "velocity":
        raise DataError(f"{path}: PDEBench's files of incompressible flow hold velocity; set fields = 'velocity'")
    shape = file["velocity"].shape
    if len(shape) != 5 or shape[-1] != 2 or file["t"].shape != shape[:2]:
        raise DataError(f"{path}: velocity {shape} and t {file['t'].shape}; expected {_LAYOUTS}")
    config = str(file.attrs.get("config", ""))
    boundary = _of_config(config, "velocity_extrapolation") or "ZERO"  # what the published files were made with
    viscosity = _of_config(config, "NU")
    axes = tuple(Axis(name=name, boundary=_boundary(path, boundary)) for name in "xy")
    force = file.get("force")
    known = force is None or not np.any(force[...])
    return Header(
        path=path,
        dataset="velocity",
        name=VELOCITY if known and viscosity and axes[0].periodic else "incompressible_flow",
        trajectories=shape[0],
        frames=shape[1],
        dt=_spacing(path, "t", file["t"][0]),
        grid=Grid(axes=axes, shape=shape[2:4], offset=(0.5, 0.5)),
        parameters={"viscosity": float(viscosity)} if viscosity else {},
    )


def _well(path: Path, file: Any, fields: Fields) -> Header:  # h5py has no types
    dataset = f"t1_fields/{fields}" if fields == "velocity" else f"t0_fields/{fields}"
    field, names = file.get(dataset), [str(name) for name in file["dimensions"].attrs.get("spatial_dims", ())]
    rank = 5 if fields == "velocity" else 4
    if not isinstance(field, h5py.Dataset) or len(names) != 2 or len(field.shape) != rank:
        there = [f"{group}/{name}" for group in ("t0_fields", "t1_fields") for name in file.get(group, ())]
        raise DataError(f"{path}: no {dataset} over two axes of space; it holds {', '.join(there) or 'no fields'}")
    varying = [field.attrs.get("sample_varying", True), field.attrs.get("time_varying", True)]
    if not all([*varying, *field.attrs.get("dim_varying", [True])]):
        raise DataError(f"{path}: {dataset} does not vary between samples, in time or along an axis")
    name = str(file.attrs.get("dataset_name", ""))
    grid = _well_grid(path, file, names, field.shape[2:4])
    parameters = {str(key): file.attrs[str(key)] for key in file.attrs.get("simulation_parameters", ())}
    ours = name == f"navier_stokes_{fields}" and all(axis.periodic for axis in grid.axes)
    return Header(
        path=path,
        dataset=dataset,
        name=name if ours else "incompressible_flow",
        trajectories=field.shape[0],
        frames=field.shape[1],
        dt=_spacing(path, "dimensions/time", np.atleast_2d(file["dimensions/time"][...])[0]),
        grid=grid,
        parameters={key: float(value) for key, value in parameters.items() if np.isreal(value) and np.size(value) == 1},
    )


def _well_grid(path: Path, file: Any, names: list[str], shape: tuple[int, ...]) -> Grid:  # h5py has no types
    kinds = {}
    for condition in file["boundary_conditions"].values():
        for name in condition.attrs["associated_dims"]:
            kinds[str(name)] = str(condition.attrs["bc_type"]).upper()
    axes, offsets = [], []
    for name, n in zip(names, shape, strict=True):
        x = file[f"dimensions/{name}"][...]
        if x.shape != (n,):
            raise DataError(f"{path}: dimensions/{name} has {x.shape} coordinates for {n} points")
        spacing, boundary = _spacing(path, f"dimensions/{name}", x), _boundary(path, kinds.get(name, "nothing"))
        offset = 0.0 if boundary == "periodic" else 0.5
        lower = float(x[0]) - offset * spacing
        axes.append(Axis(name=name, lower=lower, upper=lower + n * spacing, boundary=boundary))
        offsets.append(offset)
    return Grid(axes=tuple(axes), shape=shape, offset=tuple(offsets))


def _boundary(path: Path, kind: str) -> Boundary:
    if kind.upper() not in _BOUNDARIES:
        raise DataError(f"{path}: boundary {kind!r}; {', '.join(_BOUNDARIES)} are understood")
    return _BOUNDARIES[kind.upper()]


def _spacing(path: Path, name: str, stamps: Any) -> float:  # whatever numbers the file has
    """The step between equally spaced numbers, to the seven digits of single precision."""
    steps = np.diff(np.asarray(stamps, dtype=np.float64))
    step = steps.mean() if len(steps) else 0.0
    if step <= 0 or np.abs(steps - step).max() > _ROUNDING * step:
        raise DataError(f"{path}: {name} does not go up by equal steps")
    return float(f"{step:.6g}")


def _of_config(config: str, key: str) -> str:
    match = re.search(rf"^\s*{key}:\s*['\"]?([\w.+-]+)", config, re.MULTILINE)
    return match[1] if match else ""


@contextmanager
def _opened(path: Path) -> Iterator[Any]:  # h5py has no types
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected {_LAYOUTS}")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        raise DataError(f"{path}: no HDF5 file, or a truncated one ({error}); download it again") from error
