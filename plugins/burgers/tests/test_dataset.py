"""The dataset: splits, resolutions and provenance, from files it makes and from files as PDEBench publishes them."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from ups_burgers.dataset import Burgers

from ups_framework.api import Data, DataError, SpecError

CPU = torch.device("cpu")
MADE = Burgers(viscosity=(0.001, 0.002), train=3, validation=2, test=3, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def messages() -> list[str]:
    return []


@pytest.fixture(scope="module")
def made(folder: Path, messages: list[str]) -> Data:
    return MADE.build(folder=folder, device=CPU, report=messages.append)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A small file in the layout of PDEBench's: one stamp too many, float32, the viscosity as an attribute."""
    path = tmp_path / "1D_Burgers_Sols_Nu0.01.hdf5"
    values = np.random.default_rng(0).standard_normal((10, 21, 64)).astype(np.float32)
    with h5py.File(path, "w") as file:
        file["tensor"] = values
        file["x-coordinate"] = ((np.arange(64) + 0.5) / 64).astype(np.float32)
        file["t-coordinate"] = (np.arange(22) * 0.01).astype(np.float32)
        file.attrs["Nu"] = 0.01
    return path


def quiet(message: str) -> None:
    pytest.fail(message)


def read(path: Path, train: int = 5) -> Data:
    spec = Burgers(file=(str(path),), train=train, validation=2, test=3, points=16)
    return spec.build(folder=path.parent, device=CPU, report=quiet)


def test_splits_have_the_shapes_of_the_protocol(made: Data) -> None:
    assert made.train.values.shape == (3, 41, 256, 1)
    assert made.validation.values.shape == (2, 41, 256, 1)
    assert made.test.values.shape == (3, 41, 1024, 1)
    assert made.train.dt == pytest.approx(0.05)


def test_the_training_grid_is_every_fourth_point_of_the_test_grid(made: Data) -> None:
    assert made.problem.grid == made.test.grid.subsample(4) == made.train.grid
    assert made.problem.grid.coordinates(0)[0] == pytest.approx(0.5 / 1024)


def test_viscosities_are_dealt_out_in_turn(made: Data) -> None:
    for split in (made.train, made.validation, made.test):
        expected = [(0.001, 0.002)[number % 2] for number in range(len(split))]
        assert split.parameters[:, 0].tolist() == pytest.approx(expected)
    (parameter,) = made.problem.parameters
    assert (parameter.low, parameter.high) == (0.001, 0.002)


def test_no_trajectory_is_in_two_splits(made: Data) -> None:
    starts = torch.cat([made.train.values[:, 0], made.validation.values[:, 0], made.test.subsample(4).values[:, 0]])
    assert len(starts.unique(dim=0)) == 8


def test_trajectories_keep_their_mean_and_lose_energy(made: Data) -> None:
    u = made.test.values[..., 0].double()
    assert torch.allclose(u.mean(-1), u[:, :1].mean(-1).expand(-1, 41), atol=1e-6)
    energy = u.square().mean(-1)
    assert bool((energy[:, 1:] < energy[:, :-1] + 1e-7).all())
    assert float((energy[:, -1] / energy[:, 0]).max()) < 0.999


def test_progress_is_told(made: Data, messages: list[str]) -> None:
    assert any("making burgers ν=0.001: 5/5 trajectories" in message for message in messages)
    assert any("making burgers ν=0.002: 3/3 trajectories" in message for message in messages)


def test_a_file_says_how_it_was_made(made: Data, folder: Path) -> None:
    (path,) = (folder / "burgers").glob("1D_Burgers_Sols_Nu0.001-*.hdf5")
    with h5py.File(path) as file:
        assert file["tensor"].shape == (5, 201, 1024)
        assert file["t-coordinate"].shape == (202,)
        found = dict(file.attrs)
    assert found["Nu"] == 0.001
    assert found["seed"] == 5
    assert "Godunov" in found["solver"]
    assert 0 < found["self_error"] < 2e-3
    assert 0 < found["self_error_mean"] < 5e-3


def test_the_protocol_says_what_was_scaled_and_how_exact_the_data_is(made: Data) -> None:
    protocol = made.protocol
    assert (protocol["name"], protocol["scaled"], protocol["source"]) == ("pdebench-v7", True, "generated")
    assert (protocol["train"], protocol["validation"], protocol["test"], protocol["seed"]) == (3, 2, 3, 5)
    assert (protocol["points"], protocol["frames"], protocol["dt"]) == (256, 41, 0.05)
    assert 0 < float(protocol["self_error"]) < 2e-3


def test_data_is_made_once(made: Data, folder: Path) -> None:
    again = MADE.build(folder=folder, device=CPU, report=quiet)
    assert torch.equal(again.train.values, made.train.values)
    assert torch.equal(again.test.values, made.test.values)


def test_a_truncated_file_is_not_used(made: Data, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "burgers"
    copy.mkdir()
    for path in (folder / "burgers").iterdir():
        (copy / path.name).write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataError, match=r"truncated.*delete the file"):
        MADE.build(folder=tmp_path, device=CPU, report=quiet)


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(message: str) -> None:
        if "3/3 trajectories" in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Burgers(viscosity=(0.1,), train=1, validation=1, test=1).build(folder=tmp_path, device=CPU, report=interrupt)
    assert list((tmp_path / "burgers").iterdir()) == []


def test_a_published_file_is_split_as_pdebench_does(published: Path) -> None:
    data = read(published)
    with h5py.File(published) as file:
        values = torch.from_numpy(file["tensor"][:, ::5])
    assert torch.equal(data.test.values[..., 0], values[:3])
    assert torch.equal(data.validation.values[..., 0], values[3:5, :, ::4])
    assert torch.equal(data.train.values[..., 0], values[5:10, :, ::4])
    assert data.train.parameters[:, 0].tolist() == pytest.approx([0.01] * 5)
    assert data.protocol["source"] == "file"


def test_the_viscosity_of_an_older_file_is_in_its_name(published: Path) -> None:
    with h5py.File(published, "r+") as file:
        del file.attrs["Nu"]
    assert read(published).problem.parameters[0].high == 0.01
    nameless = published.rename(published.with_name("burgers.hdf5"))
    with pytest.raises(DataError, match=r"no viscosity; expected an attribute Nu or a name such as"):
        read(nameless)


def test_a_name_that_contradicts_the_file_is_an_error(published: Path) -> None:
    with pytest.raises(DataError, match=r"Nu is 0\.01 inside but 0\.1 in the name"):
        read(published.rename(published.with_name("1D_Burgers_Sols_Nu0.1.hdf5")))


def test_more_trajectories_than_the_file_has_are_an_error(published: Path) -> None:
    with pytest.raises(DataError, match="has 10 trajectories, but train, validation and test together need 11"):
        read(published, train=6)


def test_points_that_do_not_divide_the_data_are_an_error() -> None:
    with pytest.raises(SpecError, match="points: 300 does not divide the 1024 points"):
        Burgers(points=300).problem()


def test_walls_are_declared_and_conserve_nothing() -> None:
    problem = Burgers(boundary="dirichlet").problem()
    assert problem.axes[0].boundary == "dirichlet"
    assert problem.conserved == ()
    assert [quantity.name for quantity in Burgers().problem().conserved] == ["mass"]


def test_published_files_have_no_walls(published: Path) -> None:
    with pytest.raises(SpecError, match="published files are periodic"):
        Burgers(file=(str(published),), points=16, boundary="dirichlet").problem()
