"""Files in PDEBench's layout come back as they went out, and wrong ones say what is wrong."""

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from ups_framework.data.pdebench import exclusive, new_file, read, read_header
from ups_framework.errors import DataError

NUM_TRAJECTORIES, NUM_FRAMES, NUM_POINTS = 5, 11, 16
X = (torch.arange(NUM_POINTS, dtype=torch.float64) + 0.5) / NUM_POINTS
T = 0.01 * torch.arange(NUM_FRAMES, dtype=torch.float64)
VALUES = torch.randn(NUM_TRAJECTORIES, NUM_FRAMES, NUM_POINTS, generator=torch.Generator().manual_seed(0))


def quiet(message: str) -> None:
    """Fails on a message: only what has to be said is said."""
    pytest.fail(message)


def write(path: Path, values: Tensor = VALUES) -> Path:
    with new_file(path, trajectories=len(values), x=X, t=T) as file:
        file.write([3, 1], values[[3, 1]])
        file.write([0, 2, 4], values[[0, 2, 4]])
        file.finish({"Nu": 0.01, "solver": "none", "seed": 3, "scaled": True})
    return path


def publish(path: Path, *, old: bool = False) -> Path:
    """A file as PDEBench publishes it, made with h5py alone."""
    with h5py.File(path, "w") as file:
        file["tensor"] = VALUES.numpy()
        file["x-coordinate"] = (2 * X - 1 if old else X).float().numpy()
        file["t-coordinate"] = np.arange(NUM_FRAMES + 1, dtype=np.float32) * 0.01
        file.attrs["Nu"] = np.float64(0.01)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hdf5")
    found = read(path, trajectories=range(NUM_TRAJECTORIES), report=quiet)
    assert torch.equal(found.values, VALUES)
    assert torch.allclose(found.x, X, atol=1e-7)
    assert torch.allclose(found.t, T, atol=1e-8)
    attributes = read_header(path, quiet).attributes
    assert attributes == {"Nu": 0.01, "solver": "none", "seed": 3, "scaled": True}


def test_a_file_has_one_stamp_more_than_frames_and_is_contiguous_like_a_published_one(tmp_path: Path) -> None:
    with h5py.File(write(tmp_path / "a.hdf5")) as file:
        assert file["tensor"].dtype == np.float32
        assert file["tensor"].chunks is None
        assert np.allclose(file["t-coordinate"], 0.01 * np.arange(NUM_FRAMES + 1))


def test_the_surplus_stamp_of_a_published_file_is_dropped(tmp_path: Path) -> None:
    header = read_header(publish(tmp_path / "a.hdf5"), quiet)
    assert (header.trajectories, len(header.t), len(header.x)) == VALUES.shape
    assert header.attributes == {"Nu": 0.01}


def test_reading_subsamples_from_the_first_frame_and_point(tmp_path: Path) -> None:
    path = publish(tmp_path / "a.hdf5")
    found = read(path, trajectories=range(1, 4), every_t=5, every_x=4, report=quiet)
    assert torch.equal(found.values, VALUES[1:4, ::5, ::4])
    assert torch.allclose(found.x, X[::4], atol=1e-7)
    assert torch.allclose(found.t, T[::5], atol=1e-8)


def test_an_old_upload_is_rescaled_and_that_is_said(tmp_path: Path) -> None:
    messages: list[str] = []
    header = read_header(publish(tmp_path / "a.hdf5", old=True), messages.append)
    assert torch.allclose(header.x, X, atol=1e-7)
    assert len(messages) == 1
    assert "(-1, 1)" in messages[0]


def test_a_file_that_is_not_finished_does_not_appear(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hdf5")
    with pytest.raises(KeyboardInterrupt), new_file(path, trajectories=9, x=X, t=T):
        raise KeyboardInterrupt
    assert torch.equal(read(path, trajectories=range(5), report=quiet).values, VALUES)
    assert [file.name for file in tmp_path.iterdir()] == ["a.hdf5"]


@contextmanager
def largest_file(num_bytes: int) -> Iterator[None]:
    """Stands for a full disk: no file may grow past so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_no_room_for_a_file_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    message = pytest.raises(DataError, match=r"a\.hdf5: cannot be written .* MiB needed, .* make room")
    with message, new_file(tmp_path / "a.hdf5", trajectories=10**12, x=X, t=T):
        pytest.fail("there is no such disk")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_runs_full_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    message = pytest.raises(DataError, match=r"a\.hdf5: cannot be written .*make room")
    with message, new_file(tmp_path / "a.hdf5", trajectories=5, x=X, t=T) as file, largest_file(2000):
        file.write(range(5), VALUES)
        file.finish({})
    assert list(tmp_path.iterdir()) == []


def test_a_quota_or_limit_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    message = pytest.raises(DataError, match=r"a\.hdf5: cannot be written .*make room")
    with message, largest_file(2000), new_file(tmp_path / "a.hdf5", trajectories=5, x=X, t=T):
        pytest.fail("there is no such room")
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(DataError, match="data/burgers: cannot be written"), exclusive(tmp_path / "data/burgers", quiet):
        pytest.fail("there is no such folder")


def test_a_truncated_file_says_to_delete_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hdf5")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"a\.hdf5: .*truncated.*delete the file"):
        read_header(path, quiet)


def test_a_missing_file_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.hdf5: no such file; expected HDF5 with tensor"):
        read_header(tmp_path / "none.hdf5", quiet)


def test_another_layout_says_what_was_found(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["density"] = np.zeros((2, 3, 4))
        file.create_group("0000")
    with pytest.raises(DataError, match=r"found 0000, density \(2, 3, 4\); expected tensor"):
        read_header(tmp_path / "a.hdf5", quiet)


def test_more_trajectories_than_there_are_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 5 trajectories, but 6"):
        read(publish(tmp_path / "a.hdf5"), trajectories=range(2, 6), report=quiet)


def test_values_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    values = VALUES.clone()
    values[2, 3, 4] = torch.nan
    with pytest.raises(DataError, match="not finite"):
        read(write(tmp_path / "a.hdf5", values), trajectories=range(5), report=quiet)


def test_a_folder_is_made_and_held_by_one_at_a_time(tmp_path: Path) -> None:
    folder, said, entered = tmp_path / "new" / "folder", threading.Event(), threading.Event()

    def enter() -> None:
        with exclusive(folder, lambda message: said.set()):
            entered.set()

    other = threading.Thread(target=enter)
    with exclusive(folder, quiet):
        other.start()
        assert said.wait(10)
        assert not entered.is_set()
    other.join(10)
    assert entered.is_set()
