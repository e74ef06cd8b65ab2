"""Only a run that passes all its gates is promoted, and what is written is a recipe that says why."""

import json
import tomllib
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from tests.runs.conftest import CopyRun
from ups_framework.cli import group
from ups_framework.plugins import load_plugins
from ups_framework.recipe import load_recipe
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import read_json, write_json

GATES = ("[gates]", '[gates.error]\nmetric = "rollout.nrmse"\nat_most = 0.3\n')


def _promote(folder: RunFolder, to: Path, *options: str) -> Result:
    return CliRunner().invoke(group, ["runs", "promote", str(folder.path), "--to", str(to), *options])


@pytest.fixture
def gated(copy_run: CopyRun) -> RunFolder:
    return _with_weights(copy_run("good", GATES, nrmse=0.2))


def _with_weights(folder: RunFolder) -> RunFolder:
    torch.save({"state": torch.ones(3)}, folder.simulator)
    return folder


def test_a_promoted_recipe_is_the_run_s_own_and_says_what_speaks_for_it(
    gated: RunFolder, copy_run: CopyRun, tmp_path: Path
) -> None:
    copy_run("good1", GATES, ("seed = 0\ndata_folder", "seed = 1\ndata_folder"), nrmse=0.24)
    write_json(gated.environment, {**read_json(gated.environment), "data_digest": "0123"})
    tried = _promote(gated, tmp_path / "kept", "--dry-run")
    assert (tried.exit_code, (tmp_path / "kept").exists()) == (0, False)
    done = _promote(gated, tmp_path / "kept")
    assert done.exit_code == 0, done.output
    path = tmp_path / "kept" / "good.toml"
    text = path.read_text()
    assert tomllib.loads(text) == tomllib.loads(gated.recipe.read_text())
    assert load_recipe(path, registry=load_plugins(), gpu=False).recipe.gates["error"].at_most == 0.3
    for part in (
        "# seeds: 0 (good), 1 (good1)",
        "# rollout.nrmse: 0.2 (over 2 seeds 0.22 ± 0.028)",
        "# gate error: pass: rollout.nrmse 0.2, at most 0.3",
        "# data: digest 0123",
        "# commit: ",
        "# command: ",
    ):
        assert part in text
    assert json.loads(gated.gates.read_text())["gates"]["error"]["state"] == "pass"


def test_what_did_not_pass_is_refused_with_all_reasons(gated: RunFolder, copy_run: CopyRun, tmp_path: Path) -> None:
    none = _promote(copy_run("none"), tmp_path)
    assert none.exit_code == 1
    assert "its recipe has no gates" in none.output
    worse = _with_weights(copy_run("worse", GATES, nrmse=0.31))
    worse.report.unlink()
    failed = _promote(worse, tmp_path)
    assert "it is stopped" in failed.output
    assert "gate error is fail: rollout.nrmse is 0.31, asked for: at most 0.3" in failed.output
    relative = (GATES[0], GATES[1] + 'relative_to = "gone"\n')
    missing = _promote(copy_run("missing", relative, nrmse=0.1), tmp_path)
    assert "gate error is missing: there is no run 'gone' beside this one" in missing.output
    assert sorted(tmp_path.glob("*.toml")) == []


def test_a_file_that_is_there_is_never_written_over(gated: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text("precious")
    assert "exists already" in _promote(gated, tmp_path).output
    assert (tmp_path / "good.toml").read_text() == "precious"
