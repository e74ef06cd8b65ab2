"""Plugins draw pictures of a run's rollouts for its report; one that fails stops nothing."""

from pathlib import Path

import attrs
import pytest
import torch
from matplotlib.figure import Figure

from ups_framework.api import Rollout
from ups_framework.engine.prepare import Prepared, prepare
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import load_recipe
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.plugin_pictures import draw_pictures
from ups_framework.runs.report import write_report

SMALL = ["data.points=16", "data.frames=4", "data.train=2", "data.validation=1", "data.test=2", "latent.tokens=16"]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_plugins()


@pytest.fixture(scope="module")
def prepared(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    settings = [*SMALL, f"data_folder={tmp_path_factory.mktemp('data')}", "evaluation.super_resolution=[1]"]
    recipe = load_recipe("navier_stokes:decaying", registry=registry, settings=settings, gpu=False).recipe
    return prepare(recipe, registry, torch.device("cpu"), lambda _: None)


def _said(prepared: Prepared, registry: Registry, folder: RunFolder) -> list[str]:
    said: list[str] = []
    draw_pictures(prepared, torch.zeros(2, 3, 256, 1), registry, folder, said.append)
    return said


def test_a_plugin_s_picture_is_a_file_and_stands_in_the_report_with_its_caption(
    prepared: Prepared, registry: Registry, tmp_path: Path
) -> None:
    folder = RunFolder.create(tmp_path, "run")
    assert _said(prepared, registry, folder) == []
    image = (folder.pictures / "budget.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    assert write_report(folder)["budget"] == image
    report = folder.report.read_text(encoding="utf-8")
    assert "Kinetic energy ½⟨u² + v²⟩ and enstrophy ½⟨w²⟩ over time" in report


def test_a_picture_sees_all_test_trajectories_in_physical_units_at_the_predicted_times(
    prepared: Prepared, registry: Registry, tmp_path: Path
) -> None:
    seen: list[Rollout] = []

    def plot(rollout: Rollout) -> Figure:
        seen.append(rollout)
        return Figure()

    system = attrs.evolve(prepared.system, pictures={"budget": plot})
    _said(attrs.evolve(prepared, system=system), registry, RunFolder.create(tmp_path, "run"))
    torch.testing.assert_close(seen[0].truth, prepared.data.test.subsample(2).values[:, 1:])
    torch.testing.assert_close(seen[0].times, prepared.system.problem.dt * torch.arange(1, 4))


def test_a_picture_that_fails_is_said_in_the_report_and_stops_nothing(
    prepared: Prepared, registry: Registry, tmp_path: Path
) -> None:
    def plot(rollout: Rollout) -> Figure:
        raise ZeroDivisionError("no scale")

    folder = RunFolder.create(tmp_path, "run")
    broken = attrs.evolve(prepared, system=attrs.evolve(prepared.system, pictures={"budget": plot}))
    assert _said(broken, registry, folder) == ["pictures.budget cannot be drawn: ZeroDivisionError: no scale"]
    write_report(folder)
    assert "could not be drawn: ZeroDivisionError: no scale" in folder.report.read_text(encoding="utf-8")
