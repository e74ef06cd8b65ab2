"""The dataset: what it holds, how it is kept, and that its symmetry is one."""

import resource
from pathlib import Path
from typing import Any  # a spec's fields have several types

import attrs
import h5py
import numpy as np
import pytest
import torch
from ups_navier_stokes.decaying import NavierStokesDecaying
from ups_navier_stokes.equation import Equation
from ups_navier_stokes.generate import torus
from ups_navier_stokes.initial import random_vorticity
from ups_navier_stokes.solver import solve, velocity
from ups_navier_stokes.symmetries import shift

from ups_framework.api import Data, DataError

CPU = torch.device("cpu")
EQUATION = Equation(viscosity=1e-2)
SMALL = NavierStokesDecaying(viscosity=1e-2, points=16, frames=4, dt=0.05, train=3, validation=2, test=2)


def build(spec: NavierStokesDecaying, folder: Path) -> tuple[Data, list[str]]:
    said: list[str] = []
    return spec.build(folder=folder, device=CPU, report=said.append), said


def only_file(folder: Path, split: str) -> Path:
    (path,) = (folder / "navier_stokes").glob(f"decaying_{split}_*.h5")
    return path


def test_training_data_lies_on_the_problems_grid_and_test_data_on_one_twice_as_fine(tmp_path: Path) -> None:
    data, _ = build(SMALL, tmp_path)
    assert data.train.values.shape == (3, 4, 256, 1)
    assert data.validation.values.shape == (2, 4, 256, 1)
    assert data.test.values.shape == (2, 4, 1024, 1)
    assert data.train.grid == data.validation.grid == data.problem.grid == data.test.grid.subsample(2)
    assert {part.values.dtype for part in (data.train, data.validation, data.test)} == {torch.float32}


def test_every_frame_is_the_solution_that_starts_at_frame_zero(tmp_path: Path) -> None:
    data, _ = build(SMALL, tmp_path)
    truth = data.test.grid.unflatten(data.test.values)[..., 0].double()
    finely = solve(
        truth[:, 0],
        grid=data.test.grid,
        equation=EQUATION,
        interval=data.test.dt,
        frames=4,
        substeps=200,
    )
    torch.testing.assert_close(finely, truth, rtol=0, atol=2e-4)


def test_vorticity_has_no_mean_and_starts_with_rms_speed_one(tmp_path: Path) -> None:
    data, _ = build(SMALL, tmp_path)
    assert data.train.values.mean(2).abs().max() < 1e-5
    u, v = velocity(data.test.grid.unflatten(data.test.values[:, 0])[..., 0].double(), data.test.grid)
    torch.testing.assert_close((u**2 + v**2).mean((-2, -1)), torch.ones(2, dtype=torch.float64), rtol=1e-6, atol=0)


def test_the_splits_hold_different_flows(tmp_path: Path) -> None:
    data, _ = build(SMALL, tmp_path)
    starts = [part.values[:, 0, :, 0] for part in (data.train, data.validation, data.test.subsample(2))]
    distances = torch.cdist(torch.cat(starts), torch.cat(starts)) + torch.eye(7) * 1e9
    assert distances.min() > 1.0


def test_a_start_is_one_function_of_space_at_every_resolution() -> None:
    coarse, fine = (random_vorticity(torus(n), torch.Generator().manual_seed(3)) for n in (32, 64))
    torch.testing.assert_close(fine[::2, ::2], coarse)


def test_data_is_made_once_and_read_back_the_same(tmp_path: Path) -> None:
    made, said_first = build(SMALL, tmp_path)
    again, said_second = build(SMALL, tmp_path)
    assert any("3 of 3 train flows" in line for line in said_first)
    assert said_second == []
    assert torch.equal(made.test.values, again.test.values)


def test_another_number_of_training_flows_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    few, _ = build(SMALL, tmp_path)
    more, said = build(attrs.evolve(SMALL, train=4), tmp_path)
    torch.testing.assert_close(more.train.values[:3], few.train.values, rtol=0, atol=1e-3)
    assert torch.equal(more.test.values, few.test.values)
    assert said == ["navier_stokes: 4 of 4 train flows solved on 32² points"]


@pytest.mark.parametrize(
    "change", [{"viscosity": 2e-2}, {"points": 18}, {"frames": 5}, {"dt": 0.04}, {"seed": 1}, {"test": 1}]
)
def test_every_field_changes_the_test_data(change: dict[str, Any], tmp_path: Path) -> None:
    before, _ = build(SMALL, tmp_path)
    after, _ = build(attrs.evolve(SMALL, **change), tmp_path)
    assert after.test.values.shape != before.test.values.shape or not torch.equal(after.test.values, before.test.values)


def test_a_file_has_pdebenchs_layout_and_says_how_it_was_made(tmp_path: Path) -> None:
    build(SMALL, tmp_path)
    with h5py.File(only_file(tmp_path, "test")) as file:
        assert file["tensor"].shape == (2, 4, 32, 32)
        assert file["tensor"].dtype == "float32"
        assert file["x-coordinate"][:2].tolist() == [0.0, 1 / 32]
        assert file["t-coordinate"][...] == pytest.approx([0.0, 0.05, 0.1, 0.15])
        assert file.attrs["viscosity"] == 1e-2
        assert 0 < file.attrs["self_error"] < 5e-3


def test_a_truncated_file_is_refused_with_advice(tmp_path: Path) -> None:
    build(SMALL, tmp_path)
    path = only_file(tmp_path, "train")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"decaying_train_.*truncated.*delete it"):
        build(SMALL, tmp_path)


@pytest.mark.parametrize("foreign", ["group", "float64", "not finite"])
def test_a_file_that_holds_something_else_is_refused_with_advice(foreign: str, tmp_path: Path) -> None:
    build(SMALL, tmp_path)
    with h5py.File(only_file(tmp_path, "train"), "r+") as file:
        values = file["tensor"][...]
        del file["tensor"]
        if foreign == "group":
            file.create_group("tensor")
        else:
            file["tensor"] = values.astype("f8") if foreign == "float64" else values * np.float32("nan")
    with pytest.raises(DataError, match=r"decaying_train_.*delete it"):
        build(SMALL, tmp_path)


def test_a_full_disk_is_one_message_and_leaves_no_file_behind(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"decaying_train_.* cannot be written .*free some space"):
            build(SMALL, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "navier_stokes").iterdir()) == []


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    build(SMALL, tmp_path)
    path = only_file(tmp_path, "train")
    path.rename(path.with_name(f".{path.name}.partial"))
    build(SMALL, tmp_path)
    assert [file.name for file in path.parent.glob(".*")] == []


def test_an_interrupted_generation_leaves_no_file_behind(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt):
        SMALL.build(folder=tmp_path, device=CPU, report=interrupt)
    assert list((tmp_path / "navier_stokes").iterdir()) == []


def test_a_data_folder_that_is_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "navier_stokes").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        build(SMALL, tmp_path)


def test_shifts_map_solutions_to_solutions_and_differ_between_samples(tmp_path: Path) -> None:
    data, _ = build(attrs.evolve(SMALL, test=4), tmp_path)
    grid, values = data.test.grid, data.test.values
    shifted = shift(values, grid, data.test.dt, torch.Generator().manual_seed(0))
    field = grid.unflatten(shifted)[..., 0].double()
    again = solve(field[:, 0], grid=grid, equation=EQUATION, interval=data.test.dt, frames=4, substeps=200)
    torch.testing.assert_close(again, field, rtol=0, atol=2e-4)
    torch.testing.assert_close(shifted.sort(2).values, values.sort(2).values)
    moved = [
        [(a, b) for a in range(32) for b in range(32) if torch.equal(truth.roll((a, b), (-2, -1)), sample)]
        for truth, sample in zip(grid.unflatten(values)[..., 0], grid.unflatten(shifted)[..., 0], strict=True)
    ]
    assert all(len(by) == 1 for by in moved)
    assert len({by[0] for by in moved}) == 4
