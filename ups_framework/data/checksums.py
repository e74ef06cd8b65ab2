"""One checksum a trajectory, so that a file that was changed or damaged on the disk is found out when it is read."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ups_framework.errors import DataError

NAME = "checksum"
"""Dataset at the root of a file: CRC-32 of each trajectory in little-endian float32. Published files have none."""


def checksum(trajectory: NDArray[np.float32]) -> int:
    """CRC-32 of the values in their order."""
    return zlib.crc32(np.ascontiguousarray(trajectory, dtype="<f4").data)


def verify(path: Path, file: Any, values: Mapping[int, NDArray[np.float32]]) -> None:  # h5py has no types
    """DataError if a trajectory, by its number, is not what was written; a file without checksums passes."""
    if NAME not in file:
        return
    known = file[NAME][...]
    wrong = [number for number, trajectory in values.items() if checksum(trajectory) != known[number]]
    if wrong:
        raise DataError(
            f"{path}: trajectory {wrong[0]} is not what was written (its checksum differs): the disk or a copy damaged "
            "the file; delete it, and the next run makes it anew"
        )
