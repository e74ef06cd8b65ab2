"""A few test trajectories beside their predictions, saved for the pictures of the report."""

import io
import zipfile
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from ups_framework.errors import RunError
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.folder import RunFolder

Array = NDArray[np.float64] | NDArray[np.float32]

_NAMES = ("axes", "axis_units", "channels", "channel_units")


@frozen(kw_only=True, eq=False)
class Predictions:
    """S trajectories of T frames at N points of a grid with d axes, C channels, in physical units."""

    prediction: Array
    """What the simulator gives, (S, T, N, C)."""

    truth: Array = field()
    """What the data says, (S, T, N, C)."""

    t: Array
    """Times of the frames, (T,)."""

    x: tuple[Array, ...]
    """Coordinates of the points along each axis: d arrays, the last axis runs fastest in N."""

    axes: tuple[str, ...]
    """Name of each axis."""

    axis_units: tuple[str, ...]
    """Unit of each axis; `1` where it is dimensionless."""

    channels: tuple[str, ...]
    """Name of each channel."""

    channel_units: tuple[str, ...]
    """Unit of each channel; `1` where it is dimensionless."""

    @truth.validator
    def _shapes_agree(self, attribute: object, truth: Array) -> None:
        shape = (len(self.prediction), len(self.t), np.prod(self.grid_shape), len(self.channels))
        assert truth.shape == self.prediction.shape == shape, f"{truth.shape}, {self.prediction.shape} are not {shape}"

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return tuple(len(coordinates) for coordinates in self.x)

    def on_grid(self, values: Array, channel: int) -> Array:
        """One channel of `values` (S, T, N, C) with one dimension an axis: (S, T, *grid_shape)."""
        return values[..., channel].reshape(*values.shape[:2], *self.grid_shape)


def snapshots(folder: RunFolder) -> list[Path]:
    """Files of the predictions that were kept while a run trained, `STEP-FIGURE.npz`, the earliest first."""
    return sorted(folder.validations.glob("[0-9]*-*.npz"), key=step_of)


def step_of(snapshot: Path) -> int:
    """After how many steps of the run such a file was made."""
    return int(snapshot.name.partition("-")[0])


def forget_snapshots(folder: RunFolder, step: int) -> None:
    """Delete those that were made after `step`."""
    for path in snapshots(folder):
        if step_of(path) > step:
            path.unlink()


def save_predictions(path: Path, predictions: Predictions) -> None:
    """Write `predictions.npz`, whole or not at all."""
    arrays: dict[str, Any] = attrs.asdict(predictions, recurse=False)  # numpy's stubs take no plain dict of arrays
    arrays |= {f"x{axis}": coordinates for axis, coordinates in enumerate(arrays.pop("x"))}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write_whole(path, file.getvalue())


def load_predictions(path: Path) -> Predictions:
    """Read what `save_predictions` wrote; RunError if the file is missing, damaged or holds something else."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: file[name] for name in file.files}  # of any dtype
        arrays |= {name: tuple(map(str, arrays[name])) for name in _NAMES}
        x = tuple(arrays.pop(f"x{axis}") for axis in range(len(arrays["axes"])))
        return Predictions(x=x, **arrays)
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error})") from error
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(f"{path}: is damaged or no file of predictions ({error})") from error
