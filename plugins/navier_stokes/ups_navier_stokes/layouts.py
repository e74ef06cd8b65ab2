"""Writes flows in two layouts that others read: PDEBench's of incompressible flow, and The Well's.

PDEBench (`ns_incom_inhom_2d`), all at the root of the file, float32:

| dataset | shape | what |
|---|---|---|
| `velocity` | (samples, time, x, y, 2) | the velocity |
| `particles` | (samples, time, x, y, 1) | density of a tracer: 0 in ours |
| `force` | (samples, x, y, 2) | the steady force |
| `t` | (samples, time) | when the frames are |

and the attribute `config`, lines `KEY: value` of YAML, in which `NU` is the viscosity and `velocity_extrapolation` is
`ZERO` for walls or `PERIODIC`. The Well has groups `dimensions`, `boundary_conditions`, `scalars` and, by the rank of
fields, `t0_fields`, `t1_fields` and `t2_fields` with arrays (samples, time, x, y, components), float32; what the
parameters are stands at the root, by the names in `simulation_parameters`.

M. Takamoto et al., PDEBench, NeurIPS 2022. R. Ohana et al., The Well, NeurIPS 2024.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from ups_framework.api import DataError, Problem, Trajectories
from ups_navier_stokes.equation import VELOCITY, equation_of, parameter_names
from ups_navier_stokes.solver import velocity


def write_pdebench(path: Path, flows: Trajectories, problem: Problem) -> None:
    """Velocities of one viscosity, in PDEBench's layout; DataError if `flows` are no such, or the disk refuses."""
    if problem.name != VELOCITY:
        raise DataError(f"{path}: PDEBench's layout holds velocities, but the problem is {problem.name!r}")
    parameters = _parameters(path, flows, problem)
    equation = equation_of(list(parameters), list(parameters.values()))
    values = _values(flows)
    samples, frames, *points, _ = values.shape
    force = torch.stack(velocity(equation.forcing(flows.grid, torch.device("cpu")), flows.grid), dim=-1)
    with _new(path) as file:
        lines = [f"NU: {parameters['viscosity']!r}", "velocity_extrapolation: PERIODIC", "force_scale: 1.0"]
        file.attrs["config"] = "\n".join([*lines, f"grid_size: {points}", f"n_batch: {samples}", ""])
        file.attrs["latestIndex"] = frames - 1
        packed = {"compression": "lzf", "shuffle": True}
        file.create_dataset("velocity", data=values, chunks=(1, 1, *points, 2), **packed)
        file.create_dataset("particles", (samples, frames, *points, 1), "f4", chunks=(1, 1, *points, 1), **packed)
        file["force"] = np.broadcast_to(force.float().numpy(), (samples, *points, 2))
        file["t"] = np.tile(flows.dt * np.arange(frames, dtype=np.float32), (samples, 1))


def write_well(path: Path, flows: Trajectories, problem: Problem) -> None:
    """Velocities or vorticities of one set of parameters in The Well's layout; DataError if the disk refuses."""
    parameters = _parameters(path, flows, problem)
    (field,) = problem.fields
    values = _values(flows)
    with _new(path) as file:
        file.attrs.update(
            dataset_name=problem.name,
            grid_type="cartesian",
            n_spatial_dims=2,
            n_trajectories=len(flows),
            simulation_parameters=list(parameters),
            **parameters,
        )
        _write_dimensions(file, flows)
        _write_boundaries(file, flows)
        for group in ("t0_fields", "t1_fields", "t2_fields"):
            file.create_group(group).attrs["field_names"] = np.array([], dtype="S1")
        group = "t1_fields" if field.components == 2 else "t0_fields"
        file[group].attrs["field_names"] = [field.name]
        dataset = file[group].create_dataset(field.name, data=values if field.components == 2 else values[..., 0])
        dataset.attrs.update(dim_varying=[True, True], sample_varying=True, time_varying=True)
        scalars = file.create_group("scalars")
        scalars.attrs["field_names"] = list(parameters)
        for name, value in parameters.items():
            scalars[name] = np.float32(value)
            scalars[name].attrs.update(sample_varying=False, time_varying=False)


def _write_dimensions(file: Any, flows: Trajectories) -> None:  # h5py has no types
    group = file.create_group("dimensions")
    group.attrs["spatial_dims"] = [axis.name for axis in flows.grid.axes]
    group["time"] = (flows.dt * torch.arange(flows.values.shape[1])).float().numpy()
    group["time"].attrs["sample_varying"] = False
    for index, axis in enumerate(flows.grid.axes):
        group[axis.name] = flows.grid.coordinates(index).float().numpy()
        group[axis.name].attrs.update(sample_varying=False, time_varying=False)


def _write_boundaries(file: Any, flows: Trajectories) -> None:  # h5py has no types
    conditions = file.create_group("boundary_conditions")
    for axis, n in zip(flows.grid.axes, flows.grid.shape, strict=True):
        group = conditions.create_group(f"{axis.name}_periodic")
        group.attrs.update(
            associated_dims=[axis.name],
            associated_fields=np.array([], dtype="S1"),
            bc_type="PERIODIC",
            sample_varying=False,
            time_varying=False,
        )
        mask = np.zeros(n, dtype=bool)
        mask[[0, -1]] = True
        group["mask"] = mask


def _values(flows: Trajectories) -> NDArray[np.float32]:
    values: NDArray[np.float32] = flows.grid.unflatten(flows.values).float().cpu().numpy()
    return values


def _parameters(path: Path, flows: Trajectories, problem: Problem) -> dict[str, float]:
    """The parameters by name, which all flows must share: both layouts hold one set a file."""
    names, rows = parameter_names(problem), flows.parameters.unique(dim=0).tolist()
    if len(rows) != 1:
        raise DataError(f"{path}: the flows have {len(rows)} sets of parameters; write one file for each")
    return dict(zip(names, (float(f"{value:.7g}") for value in rows[0]), strict=True))


@contextmanager
def _new(path: Path) -> Iterator[Any]:  # h5py has no types
    """A file that appears whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        try:
            with h5py.File(partial, "w") as file:
                yield file
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error}); make room or choose another folder") from error
