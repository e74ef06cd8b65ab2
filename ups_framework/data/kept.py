"""Trajectories that are made once and kept: what a plugin's own dataset needs of the disk.

| dataset | shape | what |
|---|---|---|
| `values` | (B, T, N, C), float32 | the fields |
| `parameters` | (B, P), float32 | parameters of the PDE |
| `checksum` | (B,) | what each trajectory must be when it is read |

Attributes of the root say what the file was made from.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from ups_framework.api import Grid, Trajectories
from ups_framework.data.checksums import NAME, checksum, verify
from ups_framework.data.pdebench import Attribute, exclusive, need_room
from ups_framework.errors import DataError


def kept(
    *,
    folder: Path,
    name: str,
    made_from: Mapping[str, Attribute],
    grid: Grid,
    dt: float,
    make: Callable[[], Trajectories],
    report: Callable[[str], None],
) -> Trajectories:
    """What `make()` gives, on `grid` with frames `dt` apart; from the second time on, read from the disk.

    The file is `folder / "NAME-DIGEST.h5"` with a digest of `made_from`, which must hold everything that decides the
    numbers: sizes, seed, and a version that you raise when `make` changes. It appears whole or not at all, and two runs
    at once make it once. Raises DataError if the disk is full, or the file is truncated, damaged or another one.
    """
    path = folder / f"{name}-{_digest(made_from)}.h5"
    with exclusive(folder, report):
        if not path.exists():
            report(f"making {path.name}")
            _write(path, make(), made_from)
    return _read(path, grid, dt)


def _digest(made_from: Mapping[str, Attribute]) -> str:
    text = json.dumps(dict(made_from), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _write(path: Path, made: Trajectories, made_from: Mapping[str, Attribute]) -> None:
    values = made.values.float().cpu().numpy()
    if not np.isfinite(values).all():
        raise DataError(f"{path.name}: what was made has values that are not finite, so nothing is kept")
    partial = path.with_name(f".{path.name}.partial")
    try:
        try:
            need_room(path.parent, values.nbytes)
            with h5py.File(partial, "w") as file:
                file.attrs.update(made_from)
                file["values"] = values
                file["parameters"] = made.parameters.float().cpu().numpy()
                file[NAME] = [checksum(trajectory) for trajectory in values]
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error}); make room or choose another folder for data") from error


def _read(path: Path, grid: Grid, dt: float) -> Trajectories:
    again = "delete it, and the next run makes it anew"
    try:
        with h5py.File(path, "r") as file:
            if not {"values", "parameters", NAME} <= set(file):
                raise DataError(f"{path}: holds {', '.join(file) or 'nothing'}, which are no trajectories: {again}")
            values, parameters = file["values"][...], file["parameters"][...]
            verify(path, file, dict(enumerate(values)))
    except OSError as error:
        raise DataError(f"{path}: truncated, or no HDF5 file ({error}): {again}") from error
    if values.ndim != 4 or values.shape[2] != grid.num_points or len(parameters) != len(values):
        raise DataError(f"{path}: values {values.shape} are not on a grid of {grid.num_points} points: {again}")
    return Trajectories(values=_tensor(values), parameters=_tensor(parameters), grid=grid, dt=dt)


def _tensor(array: object) -> Tensor:
    return torch.as_tensor(array, dtype=torch.float32)
