"""A report over runs shows each recipe with its seeds, says what differs, and where each number comes from."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.runs.conftest import CopyRun
from ups_framework.cli import group
from ups_framework.errors import RunError
from ups_framework.runs.comparing import compare_runs
from ups_framework.runs.entrants import Entrant, entrants_of, references_of
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.joint_curves import errors_over_time, joint_spectra, pareto
from ups_framework.runs.joint_pictures import joint_fields
from ups_framework.runs.joint_report import joint_report
from ups_framework.runs.page import page
from ups_framework.runs.predictions import load_predictions
from ups_framework.runs.runs_folder import named_runs

DEPTH = ("depth = 1", "depth = 2")


@pytest.fixture
def folders(copy_run: CopyRun) -> list[RunFolder]:
    """Two recipes with three seeds each, the second clearly worse."""
    errors = {"plain": [0.10, 0.11, 0.12], "deep": [0.20, 0.21, 0.222]}
    return [
        copy_run(
            f"{name}.seed-{seed}",
            ("seed = 0\ndata_folder", f"seed = {seed}\ndata_folder"),
            *([DEPTH] if name == "deep" else []),
            nrmse=error,
        )
        for name, values in errors.items()
        for seed, error in enumerate(values)
    ]


def _entrants(folders: list[RunFolder]) -> list[Entrant]:
    return entrants_of(compare_runs(named_runs([folder.path for folder in folders])))


def test_each_recipe_is_one_entrant_with_its_seeds_and_its_differences(folders: list[RunFolder]) -> None:
    plain, deep = _entrants(folders)
    assert (plain.name, deep.name) == ("plain", "deep")
    mean, sd = plain.spread("rollout")
    assert mean == pytest.approx(0.11)
    assert sd == pytest.approx(0.01)
    assert (plain.differs, deep.differs) == ((), ("operator: depth 2",))
    steps = deep.by_step()
    assert steps is not None
    assert steps.shape[0] == 3
    assert {"persistence"} <= references_of([plain, deep]).keys()


def test_the_page_has_figures_verdicts_and_where_numbers_come_from(folders: list[RunFolder], tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    paths = [str(folder.path) for folder in folders]
    done = CliRunner().invoke(group, ["report", *paths, "--out", str(out)])
    assert done.exit_code == 0, done.output
    html = out.read_text(encoding="utf-8")
    assert "plain [R1 R2 R3]" in html
    assert "deep [R4 R5 R6]" in html
    assert "operator: depth 2" in html
    assert "worse</span>" in html
    assert html.count("<img") >= 4
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*"', html) == [], "nothing is loaded from elsewhere"
    assert all(path in html for path in paths)
    assert f"ups report {' '.join(paths)} --out {out}" in html


def test_all_pictures_share_colours_between_recipes(folders: list[RunFolder]) -> None:
    figure = joint_fields(_entrants(folders), 0)
    assert figure is not None
    images = [image for axes in figure.axes for image in axes.images]
    limits = {(image.get_cmap().name, *image.get_clim()) for image in images}
    truth = load_predictions(folders[0].predictions).truth[0]
    assert len(limits) == 2, "one scale of fields and one of errors"
    assert ("viridis", float(truth.min()), float(truth.max())) in limits
    ((_, low, high),) = [limit for limit in limits if limit[0] != "viridis"]
    assert low == -high


def test_axes_say_what_they_show_and_in_which_unit(folders: list[RunFolder]) -> None:
    entrants = _entrants(folders)
    references = references_of(entrants)
    figures = [pareto(entrants, references), errors_over_time(entrants, references), joint_spectra(entrants, 0)]
    labels = [[text for axes in f.axes for text in (axes.get_xlabel(), axes.get_ylabel())] for f in figures if f]
    assert [found[0] for found in labels] == [
        "training time [s]",
        "rollout step (1 step = dt of the data)",
        "wavenumber k [cycles per domain]",
    ]
    assert all(found[1] for found in labels)


def test_a_recipe_without_results_leaves_nothing_to_report(folders: list[RunFolder]) -> None:
    folders[0].evaluation.unlink()
    with pytest.raises(RunError, match="nothing to report"):
        joint_report(named_runs([folders[0].path]), "ups report")


def test_runs_without_predictions_still_have_a_page(folders: list[RunFolder]) -> None:
    for folder in folders:
        folder.predictions.unlink()
    html = joint_report(named_runs([folder.path for folder in folders]), "ups report").decode()
    assert "No run has saved predictions." in html
    assert html.startswith(page("Report over runs", []).split("\n", 1)[0])
