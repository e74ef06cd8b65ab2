"""Predictions of fixed validation samples, kept while a run trains: few, small, and the same after a resume."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ups_framework.cli import group
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.predictions import forget_snapshots, load_predictions, snapshots, step_of
from ups_framework.runs.records import read_jsonl
from ups_framework.runs.snapshots import NUM_SNAPSHOTS, is_kept


def test_a_run_keeps_its_validations_of_the_same_samples(trained_runs: Path) -> None:
    folder = RunFolder(trained_runs / "first")
    [path] = snapshots(folder)
    assert path.name == "000020-rollout.npz"
    kept = load_predictions(path)
    assert kept.prediction.shape == kept.truth.shape == (1, len(kept.t), 16, 1)
    validation = next(r for r in read_jsonl(folder.metrics) if r["subset"] == "validation")
    assert validation["values"]["rollout.nrmse.u"] == pytest.approx(validation["values"]["rollout.nrmse"])
    seen = read_jsonl(folder.distributions)
    assert all(set(r["parts"]) == {"encoder", "operator", "decoder"} for r in seen if r["of"] == "gradient")
    assert [len(r["singular_values"]) for r in seen if r["of"] == "latent"] == [16]


@pytest.mark.parametrize(("every", "kept"), [(7, NUM_SNAPSHOTS), (500, 6)])
def test_few_validations_are_kept_and_the_last_one_always(every: int, kept: int) -> None:
    steps = {"first": 1500, "none": 0, "second": 1500}
    due = [step for step in range(1, 1501) if step % every == 0 or step == 1500]
    chosen = [(stage, step) for stage in ("first", "second") for step in due if is_kept(stage, step, steps, every)]
    assert len(chosen) == kept
    assert chosen[-1] == ("second", 1500)


def test_going_back_to_a_checkpoint_forgets_what_came_after_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.validations.mkdir()
    for step in (100, 2000, 30):
        (folder.validations / f"{step:06d}-rollout.npz").touch()
    forget_snapshots(folder, 100)
    assert [step_of(path) for path in snapshots(folder)] == [30, 100]


def test_ups_ui_of_no_folder_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["ui", str(tmp_path / "nowhere")])
    assert result.exit_code != 0
    assert "no such folder" in result.output
