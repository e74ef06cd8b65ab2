"""The flows that this plugin makes, on disk: PDEBench's names and order of dimensions, in one HDF5 file.

| dataset | shape | content |
|---|---|---|
| `tensor` | (samples, time, x, y) | the vorticity, float32; or |
| `velocity` | (samples, time, x, y, 2) | the velocity, float32 |
| `x-coordinate`, `y-coordinate`, `t-coordinate` | one number a point or frame | where and when, float64 |
| `checksum` | (samples,) | what each trajectory must be when it is read |

Attributes at the root say how the file was made. A file is written whole or not at all.
"""

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import torch
from attrs import frozen
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ups_framework.api import DataError, Grid
from ups_framework.data import checksums
from ups_framework.data.pdebench import Attribute, need_room


@frozen(kw_only=True)
class Layout:
    """What a file holds, known before it is made."""

    samples: int
    """Number of trajectories."""

    frames: int
    """Frames of each, the first at time 0."""

    dt: float
    """Time between two frames."""

    grid: Grid
    """The two axes and their points."""

    fields: Literal["vorticity", "velocity"]
    """Which field."""

    @property
    def dataset(self) -> str:
        """What the field is called in the file."""
        return "tensor" if self.fields == "vorticity" else "velocity"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the field in the file."""
        vector = () if self.fields == "vorticity" else (2,)
        return (self.samples, self.frames, *self.grid.shape, *vector)


def write(
    path: Path,
    layout: Layout,
    batches: Iterable[Float[Tensor, "samples frames x y C"]],
    attributes: Mapping[str, Attribute],
) -> None:
    """Write attributes, coordinates, and batches of trajectories as they are made; hold `exclusive(path.parent)`.

    Raises DataError if the disk refuses, and leaves nothing behind then.
    """
    unfinished = path.with_name(f".{path.name}.partial")
    try:
        try:
            unfinished.unlink(missing_ok=True)  # a killed process may have left it
            need_room(path.parent, 4 * math.prod(layout.shape))
            checked = _fill(unfinished, _lay_out(unfinished, layout, attributes), layout, batches)
            with h5py.File(unfinished, "r+") as file:
                file[checksums.NAME] = checked
            _flush_to_disk(unfinished)
            os.replace(unfinished, path)
            _flush_to_disk(path.parent)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}): free some space or choose another data folder") from error


def read(path: Path, layout: Layout) -> Float[Tensor, "samples frames N C"]:
    """The field in float32, points flattened; DataError if the file is not what the layout says."""
    advice = "delete it, and the next run makes it anew"
    try:
        with h5py.File(path, "r") as file:
            tensor = file.get(layout.dataset)
            found = (tensor.dtype.name, *tensor.shape) if isinstance(tensor, h5py.Dataset) else None
            if found != ("float32", *layout.shape):
                name = f"{path}: `{layout.dataset}`"
                raise DataError(f"{name} is {found} where float32 {layout.shape} is expected: {advice}")
            whole = tensor[...]
            checksums.verify(path, file, dict(enumerate(whole)))
            values = torch.from_numpy(whole)
    except OSError as error:
        raise DataError(f"{path} is truncated or no trajectory file ({error}): {advice}") from error
    if not bool(values.isfinite().all()):
        raise DataError(f"{path}: some values are not finite: {advice}")
    return values.reshape(layout.samples, layout.frames, layout.grid.num_points, -1)


def _lay_out(path: Path, layout: Layout, attributes: Mapping[str, Attribute]) -> int:
    """Make a file with everything but the trajectories; gives the byte at which they begin."""
    at_once = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    at_once.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for index, axis in enumerate(layout.grid.axes):
            file[f"{axis.name}-coordinate"] = layout.grid.coordinates(index).numpy()
        file["t-coordinate"] = (torch.arange(layout.frames, dtype=torch.float64) * layout.dt).numpy()
        tensor = file.create_dataset(layout.dataset, shape=layout.shape, dtype="<f4", dcpl=at_once, fill_time="never")
        begin: int = tensor.id.get_offset()
    return begin


def _fill(path: Path, begin: int, layout: Layout, batches: Iterable[Tensor]) -> NDArray[np.uint32]:
    """Write the trajectories batch by batch, past HDF5: see `need_room`. Gives their checksums."""
    checked: list[int] = []
    with path.open("r+b") as file:
        file.seek(begin)
        for batch in batches:
            values = batch.float().cpu().contiguous().numpy().astype("<f4")
            file.write(values.tobytes())
            checked += [checksums.checksum(trajectory) for trajectory in values]
    assert len(checked) == layout.samples, f"{len(checked)} trajectories were made for a file of {layout.samples}"
    return np.array(checked, dtype=np.uint32)


def _flush_to_disk(path: Path) -> None:
    """Wait until a file's or a folder's content is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
