"""A run folder with invented numbers, as a run of two stages leaves it; real tiny runs, and copies of them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from ups_framework.cli import group
from ups_framework.runs.environment import environment
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.predictions import Predictions, save_predictions
from ups_framework.runs.recorder import Recorder
from ups_framework.runs.records import write_json

RECIPE = """\
[data]
use = "burgers:burgers"
viscosity = 0.001

[encoder]
use = "builtin:grid"

[operator]
use = "builtin:transformer_stack"
depth = 8

[decoder]
use = "builtin:any_point"

[losses.a]
use = "<script>alert(1)</script>"
"""


@pytest.fixture
def filled_folder(tmp_path: Path) -> RunFolder:
    """A run with everything that a report can show, of one field over one axis."""
    folder = _evaluated(tmp_path)
    write_json(folder.environment, environment(["builtin", "burgers"]))
    _train(Recorder(folder))
    waves = _waves()
    save_predictions(folder.predictions, waves)
    np.save(folder.coverage, np.arange(len(waves.x[0])))
    return folder


@pytest.fixture
def evaluated_folder(tmp_path: Path) -> RunFolder:
    """A run with a recipe and an evaluation, and nothing else."""
    return _evaluated(tmp_path)


def _evaluated(runs: Path) -> RunFolder:
    folder = RunFolder.create(runs, "burgers_phase4")
    folder.recipe.write_text(RECIPE)
    write_json(folder.evaluation, _evaluation())
    return folder


def _waves() -> Predictions:
    """Steep waves that travel, and a prediction that lags and is too smooth."""
    rng = np.random.default_rng(0)
    x, t = np.arange(64) / 64, 0.05 * np.arange(1, 32)
    phases = rng.uniform(size=(3, 1, 1))

    def wave(speed: float, num_modes: int) -> NDArray[np.float64]:
        place = 2 * np.pi * (x + phases - speed * 0.3 * t[:, None])
        modes = np.arange(1, num_modes)[:, None, None, None]
        total: NDArray[np.float64] = (np.sin(modes * place) / modes**1.5).sum(axis=0)
        return total[..., None]

    return Predictions(
        prediction=wave(0.97, 12),
        truth=wave(1.0, 24),
        t=t,
        x=(x,),
        axes=("x",),
        axis_units=("m",),
        channels=("u",),
        channel_units=("m/s",),
    )


def _train(recorder: Recorder) -> None:
    rng = np.random.default_rng(1)
    for step in range(10, 3001, 10):
        stage = "autoencode" if step <= 600 else "operator"
        decay = float(np.exp(-step / 700) + 0.02)
        terms = {"prediction": 1.0, "inverse_encoding": 0.5, "conservation": 0.01, "latent_norm": 3.0}
        names = ["inverse_encoding", "latent_norm"] if stage == "autoencode" else list(terms)
        raw = {name: terms[name] * decay * float(rng.lognormal(0, 0.1)) for name in names}
        weighted = {name: 0.3 * value for name, value in raw.items()}
        both = {name: {"raw": raw[name], "weighted": weighted[name]} for name in names}
        values = {"loss": sum(weighted.values()), "learning_rate": 1e-3, "gradient_norm": 2 * decay}
        recorder.metrics(stage, step, "train", {**values, "gradient_spikes": float(step % 900 == 0)}, both)
        if step % 300 == 0:
            errors = {"nrmse": 0.5 * decay, "one_step_nrmse": 0.1 * decay}
            recorder.metrics(stage, step, "validation", {**errors, **_diagnostics(decay)}, {})
            recorder.audit(stage, step, [_audit_row(name, raw[name], rng) for name in names])


def _diagnostics(decay: float) -> dict[str, float]:
    norms = {"token_norm_mean": 1 + decay, "token_norm_sd": 0.3 * decay, "effective_rank": 30 * (1 - decay)}
    return {**norms, "range_below.u": 1 + 2 * decay, "range_above.u": 1 - 0.2 * decay}


def _audit_row(term: str, raw: float, rng: np.random.Generator) -> dict[str, object]:
    share = {"prediction": 0.6, "inverse_encoding": 0.3, "conservation": 0.05, "latent_norm": 0.008}[term]
    gradient = {"encoder": 1e-3 * raw, "operator": 2e-3 * raw, "decoder": 4e-3}
    return {
        "term": term,
        "raw": raw,
        "weighted": 0.3 * raw,
        "share": share * float(rng.lognormal(0, 0.2)),
        "gradient": gradient,
    }


def _evaluation() -> dict[str, object]:
    def row(one_step: float, growth: float) -> dict[str, object]:
        by_step = [min(one_step * growth * step**0.7, 1.2) for step in range(1, 32)]
        rollout = {
            "nrmse": by_step[-1] / 1.6,
            "by_step": by_step,
            "rmse": by_step[-1] / 3,
            "frmse_high": by_step[-1] / 90,
        }
        return {"one_step": {"nrmse": one_step, "rmse": one_step / 2, "frmse_high": one_step / 50}, "rollout": rollout}

    return {
        "schema": 1,
        "protocol": {"dataset": "burgers", "points": 256, "frames": 41, "made": True, "viscosity": 0.001},
        "rows": {
            "model": row(0.011, 0.9),
            "persistence": row(0.09, 1.0),
            "spatial_mean": row(0.36, 0.5),
            "classical": row(0.004, 0.8),
            "reconstruction": {"one_step": {"nrmse": 0.006, "rmse": 0.003}},
        },
        "super_resolution": {"1": {"nrmse": 0.05}, "2": {"nrmse": 0.056}, "4": {"nrmse": 0.071}},
        "cost": {"parameters": 236_000, "train_seconds": 231.4, "seconds_per_step": 0.0712, "peak_memory_mib": 812.5},
    }


TINY = """
extends = "burgers:quick"
description = "A tiny run."
data_folder = "{folder}/data"
data = {{ train = 8, validation = 1, test = 2, points = 16, every = 40 }}
latent = {{ tokens = 8, width = 16 }}
encoder = {{ channels = 8 }}
decoder = {{ channels = 8 }}
operator = {{ width = 16, depth = 1, heads = 2 }}
optimizer = {{ learning_rate = 1e-2, warmup = 0.0 }}
training = {{ batch = 4, log_every = 20, validate_every = 20, audit_every = 100, checkpoint_every = 20 }}
evaluation = {{ super_resolution = [1, 2] }}
tracking = {{ aim = false }}

[stages.autoencode]
steps = 0

[stages.operator]
steps = 20
unroll = 1
losses = ["prediction", "reconstruction"]
"""

CopyRun = Callable[..., RunFolder]


@pytest.fixture(scope="session")
def trained_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the finished run `first` and with `burst`, which failed."""
    folder = tmp_path_factory.mktemp("trained")
    recipe = folder / "tiny.toml"
    recipe.write_text(TINY.format(folder=folder))
    codes = []
    for name, setting in (("first", "seed=0"), ("burst", "optimizer.learning_rate=1e30")):
        options = ["run", str(recipe), "--runs", str(folder / "runs"), "--name", name, "--set", setting]
        codes.append(CliRunner().invoke(group, options).exit_code)
    assert codes == [0, 1]
    return folder / "runs"


@pytest.fixture
def copy_run(trained_runs: Path, tmp_path: Path) -> CopyRun:
    """Copies the run `first` to `tmp_path/runs/NAME`, with texts of its recipe and its rollout's nRMSE replaced."""

    def copy(name: str, *edits: tuple[str, str], nrmse: float | None = None) -> RunFolder:
        folder = RunFolder(tmp_path / "runs" / name)
        shutil.copytree(trained_runs / "first", folder.path)
        text = folder.recipe.read_text(encoding="utf-8")
        for old, new in edits:
            assert text.count(old) == 1
            text = text.replace(old, new)
        folder.recipe.write_text(text, encoding="utf-8")
        if nrmse is not None:
            evaluation = json.loads(folder.evaluation.read_text(encoding="utf-8"))
            evaluation["rows"]["model"]["rollout"]["nrmse"] = nrmse
            write_json(folder.evaluation, evaluation)
            folder.simulator.unlink()  # it does not have this error
        return folder

    return copy
