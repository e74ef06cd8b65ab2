"""Flows written in PDEBench's layout and in The Well's, and read from files in them."""

from pathlib import Path
from typing import Any  # h5py has no types, and a spec's fields have several

import attrs
import h5py
import numpy as np
import pytest
import torch
from ups_navier_stokes.decaying import NavierStokesDecaying
from ups_navier_stokes.forced import NavierStokesForced
from ups_navier_stokes.layouts import write_pdebench, write_well
from ups_navier_stokes.solver import curl

from ups_framework.api import Data, DataError, SpecError

OURS = NavierStokesDecaying(viscosity=1e-2, points=16, frames=5, train=2, validation=2, test=6, fields="velocity")
READ = NavierStokesDecaying(points=16, frames=5, train=3, validation=1, test=2, fields="velocity")
either = pytest.mark.parametrize("write", [write_pdebench, write_well])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return build(OURS, tmp_path_factory.mktemp("data"))


def build(spec: NavierStokesDecaying | NavierStokesForced, folder: Path) -> Data:
    return spec.build(folder=folder, device=torch.device("cpu"), report=lambda _: None)


def reader(path: Path, **changes: Any) -> NavierStokesDecaying:
    return attrs.evolve(READ, file=(str(path),), **changes)


@either
def test_flows_come_back_as_they_were_written_in_the_order_test_validation_train(
    write: Any, made: Data, tmp_path: Path
) -> None:
    write(tmp_path / "flows.hdf5", made.test, made.problem)
    data = build(reader(tmp_path / "flows.hdf5"), tmp_path)
    assert torch.equal(data.test.values, made.test.values[:2])
    truth = made.test.subsample(2).values
    assert torch.equal(data.validation.values, truth[2:3])
    assert torch.equal(data.train.values, truth[3:])
    assert data.train.parameters.tolist() == [[pytest.approx(1e-2)]] * 3
    assert data.problem.name == "navier_stokes_velocity"
    assert data.problem.residual is not None
    assert data.train.dt == data.problem.dt == pytest.approx(0.05)
    assert [axis.boundary for axis in data.problem.axes] == ["periodic", "periodic"]
    assert reader(tmp_path / "flows.hdf5").extent().refinement == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "flows.hdf5"]


@either
def test_points_frames_and_dt_choose_from_the_file(write: Any, made: Data, tmp_path: Path) -> None:
    write(tmp_path / "flows.hdf5", made.test, made.problem)
    data = build(reader(tmp_path / "flows.hdf5", points=32, frames=3, dt=0.1), tmp_path)
    assert torch.equal(data.train.values, made.test.values[3:, ::2])
    assert data.problem.dt == pytest.approx(0.1)


def test_flows_of_several_files_are_dealt_out_one_file_after_another(made: Data, tmp_path: Path) -> None:
    write_well(tmp_path / "a.hdf5", made.test, made.problem)
    doubled = attrs.evolve(made.test, values=2 * made.test.values, parameters=2 * made.test.parameters)
    write_well(tmp_path / "b.hdf5", doubled, made.problem)
    files = (str(tmp_path / "a.hdf5"), str(tmp_path / "b.hdf5"))
    data = build(attrs.evolve(READ, file=files, train=6, validation=2, test=4), tmp_path)
    coarse = made.test.subsample(2).values
    assert torch.equal(data.train.values, 2 * coarse)
    assert torch.equal(data.validation.values, coarse[4:])
    (viscosity,) = data.problem.parameters
    assert (viscosity.low, viscosity.high) == pytest.approx((1e-2, 2e-2))


def test_the_well_holds_vorticity_and_forced_flows_with_their_parameters(tmp_path: Path) -> None:
    spec = NavierStokesForced(points=16, refinement=1, frames=3, dt=0.5, train=1, validation=1, test=3)
    made = build(spec, tmp_path)
    write_well(tmp_path / "flows.hdf5", made.test, made.problem)
    found = reader(tmp_path / "flows.hdf5", fields="vorticity", frames=3, dt=0.5, train=1, test=1)
    data = build(found, tmp_path)
    assert torch.equal(data.test.values, made.test.values[:1])
    assert [(p.name, p.low) for p in data.problem.parameters] == [(p.name, p.low) for p in made.problem.parameters]
    assert data.problem.residual is not None
    missed = data.problem.residual(data.test.values.double(), data.test.grid, 0.5, data.test.parameters.double())
    assert missed.abs().max() < 0.01 * data.test.values.abs().max()


def test_pdebench_s_layout_is_that_of_its_files(tmp_path: Path) -> None:
    spec = NavierStokesForced(points=16, refinement=1, frames=3, train=1, validation=1, test=2, fields="velocity")
    made = build(spec, tmp_path)
    write_pdebench(tmp_path / "flows.h5", made.test, made.problem)
    with h5py.File(tmp_path / "flows.h5") as file:
        shapes = {name: (item.shape, item.dtype.name) for name, item in file.items()}
        assert shapes == {
            "velocity": ((2, 3, 16, 16, 2), "float32"),
            "particles": ((2, 3, 16, 16, 1), "float32"),
            "force": ((2, 16, 16, 2), "float32"),
            "t": ((2, 3), "float32"),
        }
        assert "NU: 0.001" in file.attrs["config"]
        curl_of_force = curl(torch.from_numpy(file["force"][...]).double(), made.test.grid)
    (x, y) = (made.test.grid.coordinates(axis) for axis in (0, 1))
    turns = 2 * torch.pi * (x[:, None] + y)
    torch.testing.assert_close(curl_of_force, (0.1 * (turns.sin() + turns.cos())).expand(2, 16, 16), rtol=0, atol=1e-6)


def test_the_well_s_layout_is_that_of_its_files(made: Data, tmp_path: Path) -> None:
    write_well(tmp_path / "flows.hdf5", made.test, made.problem)
    with h5py.File(tmp_path / "flows.hdf5") as file:
        assert set(file) == {"dimensions", "boundary_conditions", "scalars", "t0_fields", "t1_fields", "t2_fields"}
        assert file.attrs["grid_type"] == "cartesian"
        assert (file.attrs["n_spatial_dims"], file.attrs["n_trajectories"]) == (2, 6)
        assert list(file.attrs["simulation_parameters"]) == ["viscosity"]
        assert file.attrs["viscosity"] == pytest.approx(1e-2)
        assert list(file["dimensions"].attrs["spatial_dims"]) == ["x", "y"]
        assert file["dimensions/time"].shape == (5,)
        assert file["t1_fields/velocity"].shape == (6, 5, 32, 32, 2)
        assert list(file["t1_fields"].attrs["field_names"]) == ["velocity"]
        assert list(file["t0_fields"].attrs["field_names"]) == []
        conditions = {str(item.attrs["associated_dims"][0]): item for item in file["boundary_conditions"].values()}
        assert {name: item.attrs["bc_type"] for name, item in conditions.items()} == {"x": "PERIODIC", "y": "PERIODIC"}


def pdebench_with_walls(path: Path, *, config: str = "NU: 0.01\nvelocity_extrapolation: 'ZERO'\n") -> None:
    """As the generator of the published files writes them, but small."""
    draw = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["velocity"] = draw.random((4, 11, 32, 32, 2), dtype=np.float32)
        file["particles"] = draw.random((4, 11, 32, 32, 1), dtype=np.float32)
        file["force"] = draw.random((4, 32, 32, 2), dtype=np.float32)
        file["t"] = np.tile(0.005 * np.arange(11, dtype=np.float32), (4, 1))
        file.attrs["config"] = config
        file.attrs["latestIndex"] = 10


def test_a_published_file_of_pdebench_has_walls_and_a_force_that_the_plugin_does_not_know(tmp_path: Path) -> None:
    pdebench_with_walls(tmp_path / "ns_incom_inhom_2d_512-0.h5")
    spec = reader(tmp_path / "ns_incom_inhom_2d_512-0.h5", dt=0.01, train=1)
    data = build(spec, tmp_path)
    assert [axis.boundary for axis in data.problem.axes] == ["dirichlet", "dirichlet"]
    assert data.test.grid.offset == (0.5, 0.5)
    assert data.problem.name == "incompressible_flow"
    assert (data.problem.residual, data.problem.conserved, data.symmetries) == (None, (), ())
    assert data.train.parameters.tolist() == [[pytest.approx(0.01)]]
    with h5py.File(tmp_path / "ns_incom_inhom_2d_512-0.h5") as file:
        assert np.array_equal(data.train.grid.unflatten(data.train.values)[0], file["velocity"][3, :9:2, ::2, ::2])


def test_a_file_that_does_not_say_its_viscosity_has_that_of_the_recipe(tmp_path: Path) -> None:
    pdebench_with_walls(tmp_path / "flows.h5", config="")
    data = build(reader(tmp_path / "flows.h5", dt=0.005, train=1, viscosity=0.07), tmp_path)
    assert data.test.parameters.tolist() == [[pytest.approx(0.07)]] * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": 20}, "points: 20 along each axis do not divide the 32 × 32"),
        ({"frames": 12}, "frames: 12, 0.005 apart, need 12, the files have 11"),
        ({"dt": 0.012}, "dt: 0.012 is no multiple of 0.005"),
    ],
)
def test_what_does_not_suit_the_file_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    pdebench_with_walls(tmp_path / "flows.h5")
    with pytest.raises(SpecError, match=message):
        reader(tmp_path / "flows.h5", **{"dt": 0.005, **changes}).problem()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("nothing", "holds nothing; expected PDEBench's"),
        ("both", "holds both layouts at once"),
        ("other shape", r"velocity \(4, 11, 32, 32\)"),
        ("times", "t does not go up by equal steps"),
        ("not finite", "not finite"),
        ("cut", "truncated"),
        ("open", "boundary 'OPEN'"),
    ],
)
def test_a_file_in_neither_layout_or_in_both_is_refused(harm: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "flows.h5"
    pdebench_with_walls(path)
    with h5py.File(path, "r+") as file:
        if harm == "nothing":
            file.clear()
        elif harm == "both":
            file.create_group("dimensions")
        elif harm == "other shape":
            values = file["velocity"][..., 0]
            del file["velocity"]
            file["velocity"] = values
        elif harm == "times":
            file["t"][:, 3] = 0.019
        elif harm == "not finite":
            file["velocity"][0, 0, 0, 0, 0] = np.nan
        elif harm == "open":
            file.attrs["config"] = "velocity_extrapolation: OPEN"
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=message):
        build(reader(path, dt=0.005, train=1), tmp_path)


def test_vorticity_is_not_read_from_pdebench_s_velocities_nor_written_as_such(made: Data, tmp_path: Path) -> None:
    pdebench_with_walls(tmp_path / "flows.h5")
    with pytest.raises(DataError, match="set fields = 'velocity'"):
        reader(tmp_path / "flows.h5", fields="vorticity").problem()
    with pytest.raises(DataError, match="holds velocities"):
        write_pdebench(tmp_path / "w.h5", made.test, attrs.evolve(made.problem, name="navier_stokes_vorticity"))


def test_a_field_that_the_well_s_file_does_not_hold_is_named_with_those_it_does(made: Data, tmp_path: Path) -> None:
    write_well(tmp_path / "flows.hdf5", made.test, made.problem)
    with pytest.raises(DataError, match=r"no t0_fields/vorticity .* it holds t1_fields/velocity"):
        reader(tmp_path / "flows.hdf5", fields="vorticity").problem()


def test_more_flows_than_the_files_have_and_files_that_differ_are_refused(made: Data, tmp_path: Path) -> None:
    write_well(tmp_path / "a.hdf5", made.test, made.problem)
    write_well(tmp_path / "b.hdf5", made.train, made.problem)
    with pytest.raises(DataError, match="have 6 flows, but 9 are asked for"):
        build(reader(tmp_path / "a.hdf5", train=6), tmp_path)
    both = attrs.evolve(READ, file=(str(tmp_path / "a.hdf5"), str(tmp_path / "b.hdf5")))
    with pytest.raises(DataError, match="another grid"):
        both.problem()


def test_flows_of_several_viscosities_go_into_no_single_file(made: Data, tmp_path: Path) -> None:
    mixed = attrs.evolve(made.test, parameters=torch.linspace(0.1, 0.2, 6)[:, None])
    with pytest.raises(DataError, match="6 sets of parameters; write one file for each"):
        write_well(tmp_path / "mixed.hdf5", mixed, made.problem)
