"""PDEBench's layout of one-dimensional data: one HDF5 file with three datasets at its root.

| dataset | shape | what |
|---|---|---|
| `tensor` | (trajectories, frames, points), float32 | the field |
| `x-coordinate` | (points,) | where the points are: cell centres of (0, 1) |
| `t-coordinate` | (frames + 1,) | when the frames are; with one stamp too many, in published files and in ours |
| `checksum` | (trajectories,) | in ours: what each trajectory must be when it is read |

What varies from file to file, such as the viscosity `Nu`, is an attribute of the root.

M. Takamoto et al., PDEBench: an extensive benchmark for scientific machine learning, NeurIPS 2022.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.data import checksums
from ups_framework.data.checksums import checksum, verify
from ups_framework.errors import DataError

Attribute = str | int | float | bool
_LAYOUT = "tensor (trajectories, frames, points), x-coordinate (points), t-coordinate (frames or frames + 1)"
_BLOCK_BYTES = 64 * 2**20
"""How much is read at once."""

_MARGIN_BYTES = 2**20
"""More than HDF5 needs beside the values."""


@frozen(kw_only=True, eq=False)
class Header:
    """What a file holds, without its values."""

    path: Path
    """The file."""

    trajectories: int
    """How many solutions it has."""

    x: Float[Tensor, " points"]
    """Coordinates of the points in (0, 1), float64."""

    t: Float[Tensor, " frames"]
    """Times of the frames, float64, without the surplus stamp."""

    attributes: Mapping[str, Attribute]
    """The attributes of the root that are text or single numbers."""


@frozen(kw_only=True, eq=False)
class Recording:
    """A part of a file."""

    values: Float[Tensor, "B T N"]
    """The field, float32."""

    x: Float[Tensor, " N"]
    """Coordinates of the points that were kept, float64."""

    t: Float[Tensor, " T"]
    """Times of the frames that were kept, float64."""


def read_header(path: Path, report: Callable[[str], None]) -> Header:
    """What the file at `path` holds.

    Coordinates in (-1, 1), as in the first upload of PDEBench, are mapped to (0, 1), which `report` is told.
    Raises DataError if the file is missing, truncated or in another layout.
    """
    with _opened(path) as file:
        return _header(path, file, report)


def read(
    path: Path, *, trajectories: range, every_t: int = 1, every_x: int = 1, report: Callable[[str], None]
) -> Recording:
    """Every `every_t`-th frame of every `every_x`-th point of some trajectories, both beginning with the first.

    Only what is kept stays in memory, and some 64 MiB beside it. Raises DataError like `read_header`, and if the file
    has fewer trajectories, values that are no finite numbers, or others than were written.
    """
    with _opened(path) as file:
        header = _header(path, file, report)
        if trajectories.stop > header.trajectories:
            raise DataError(f"{path}: has {header.trajectories} trajectories, but {trajectories.stop} are asked for")
        x, t = header.x[::every_x], header.t[::every_t]
        values = np.empty((len(trajectories), len(t), len(x)), dtype=np.float32)
        block = max(1, _BLOCK_BYTES // (4 * len(header.t) * len(header.x)))
        for start in range(0, len(trajectories), block):
            part = trajectories[start : start + block]
            whole = file["tensor"][part.start : part.stop]
            verify(path, file, dict(zip(part, whole, strict=True)))
            values[start : start + len(part)] = whole[:, ::every_t, ::every_x]
    if not np.isfinite(values).all():
        raise DataError(f"{path}: some values are not finite; delete the file, then make or download it again")
    return Recording(values=torch.from_numpy(values), x=x, t=t)


class NewFile:
    """A file that is being written; trajectories may come in any order, but all must come."""

    def __init__(self, path: Path, shape: tuple[int, int, int], x: Tensor, stamps: Tensor) -> None:
        """Lay the file out, with room for the values."""
        self._path = path
        self._bytes = 4 * shape[1] * shape[2]
        path.unlink(missing_ok=True)  # a killed process may have left it
        need_room(path.parent, shape[0] * self._bytes)
        self._missing = set(range(shape[0]))
        self._checksums = np.zeros(shape[0], dtype=np.uint32)
        at_once = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        at_once.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        with h5py.File(path, "w") as file:
            file["x-coordinate"] = x.float().numpy()
            file["t-coordinate"] = stamps.float().numpy()
            tensor = file.create_dataset("tensor", shape=shape, dtype="<f4", dcpl=at_once, fill_time="never")
            self._offset = tensor.id.get_offset()
        self._file = path.open("r+b")

    def write(self, index: Sequence[int], values: Float[Tensor, "B T N"]) -> None:
        """The trajectories with these numbers, written past HDF5: see `need_room`."""
        for number, trajectory in zip(index, values.float().cpu().numpy().astype("<f4"), strict=True):
            self._file.seek(self._offset + number * self._bytes)
            self._file.write(trajectory.tobytes())
            self._checksums[number] = checksum(trajectory)
            self._missing.remove(number)

    def finish(self, attributes: Mapping[str, Attribute]) -> None:
        """Close the file after the last trajectory, with attributes of the root, and wait until it is on the disk."""
        assert not self._missing, f"{len(self._missing)} trajectories were not written"
        self._file.close()
        need_room(self._path.parent, 0)
        with h5py.File(self._path, "r+") as file:
            file.attrs.update(attributes)
            file[checksums.NAME] = self._checksums
        with self._path.open("rb") as written:
            os.fsync(written.fileno())

    def discard(self) -> None:
        """Forget it all, if it has not got its name yet."""
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


@contextmanager
def new_file(
    path: Path, *, trajectories: int, x: Float[Tensor, " points"], t: Float[Tensor, " frames"]
) -> Iterator[NewFile]:
    """A file to fill and to `finish` in the body of a `with`; then it appears at `path` whole, or else not at all.

    Whatever stops the body, be it an error, Ctrl-C or a lost machine, nothing is at `path` that was not there before.
    Raises DataError if the disk is full or the folder cannot be written. Hold `exclusive(path.parent)` meanwhile.
    """
    partial = path.with_name(f".{path.name}.partial")
    stamps = torch.cat([t, 2 * t[-1:] - t[-2:-1]])
    try:
        new = NewFile(partial, (trajectories, len(t), len(x)), x, stamps)
        try:
            yield new
            os.replace(partial, path)
        finally:
            new.discard()
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error}); make room or choose another folder for data") from error


@contextmanager
def exclusive(folder: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Keeps other processes that ask for the same folder waiting, so that data is made once.

    The lock goes with the process, however it ends. Makes the folder if it is missing; DataError if that fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror}); choose another folder for data") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another process that makes data in {folder}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def need_room(folder: Path, num_bytes: int) -> None:
    """OSError if no file of so many bytes and a little more has room: the disk is full, or a quota or limit forbids it.

    HDF5 must not find out itself, since it can crash the process then. Hold `exclusive(folder)` meanwhile.
    """
    needed, free = num_bytes + _MARGIN_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 2**20:.1f} MiB needed, {free / 2**20:.1f} MiB free")
    probe = folder / ".room.partial"
    try:
        with probe.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, needed)
    finally:
        probe.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:  # h5py has no types
    """The HDF5 file, whose errors become ours."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected HDF5 with {_LAYOUT}")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        again = "delete the file, then make or download it again"
        raise DataError(f"{path}: no HDF5 file, or a truncated one ({error}); {again}") from error


def _header(path: Path, file: Any, report: Callable[[str], None]) -> Header:
    tensor, points, stamps = (_shape(file, name) for name in ("tensor", "x-coordinate", "t-coordinate"))
    if len(tensor) != 3 or 0 in tensor or points != tensor[2:] or stamps not in ((tensor[1],), (tensor[1] + 1,)):
        found = ", ".join(f"{name} {_shape(file, name) or ''}".strip() for name in file) or "nothing"
        raise DataError(f"{path}: not in PDEBench's one-dimensional layout: found {found}; expected {_LAYOUT}")
    x = torch.from_numpy(file["x-coordinate"][:].astype(np.float64))
    t = torch.from_numpy(file["t-coordinate"][: tensor[1]].astype(np.float64))
    if x[0] < 0:
        report(f"warning: {path} has x in (-1, 1), as old uploads of PDEBench do; taken as (0, 1)")
        x = (x + 1) / 2
    attributes = {name: _plain(value) for name, value in file.attrs.items() if np.size(value) == 1}
    return Header(path=path, trajectories=tensor[0], x=x, t=t, attributes=attributes)


def _shape(file: Any, name: str) -> tuple[int, ...]:
    """The shape of a dataset at the root; empty if there is none of this name."""
    item = file.get(name)
    return item.shape if isinstance(item, h5py.Dataset) else ()


def _plain(value: Any) -> Attribute:  # whatever numpy or text an attribute holds
    plain: Attribute | bytes = np.asarray(value).reshape(()).item()
    return plain.decode() if isinstance(plain, bytes) else plain
