"""Runs that are killed, or asked to stop, end as if nothing had happened."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
UPS = Path(sys.executable).with_name("ups")
TINY = [
    "data.train=4",
    "data.validation=1",
    "data.test=1",
    "data.points=16",
    "data.frames=4",
    "data.viscosity=0.05",
    "latent.tokens=16",
    "latent.width=16",
    "operator.width=16",
    "operator.depth=2",
    "data.fields=vorticity",
    "losses.divergence={use='conservation', share=0.05}",
    "metrics.divergence={use='rmse'}",
    "operator.drop_path=0.2",
    "sampler.points=64",
    "encoder.channels=8",
    "decoder.channels=16",
    "training.batch=4",
    "training.log_every=5",
    "training.checkpoint_every=10",
    "training.validate_every=30",
    "training.audit_every=30",
    "stages.autoencode.steps=10",
    "stages.operator.steps=50",
]
RECIPE = ROOT / "recipes" / "navier_stokes_decaying.toml"
_PATIENCE = 120.0
"""Seconds after which something has hung, on a busy machine too."""


def options(settings: list[str]) -> list[str]:
    return [option for setting in settings for option in ("--set", setting)]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a run was killed twice, both times in the middle: another one, left alone, is in `whole/run`."""
    folder = tmp_path_factory.mktemp("killed")
    script = [sys.executable, str(ROOT / "benchmarks" / "kill_and_resume.py"), str(RECIPE)]
    arguments = ["--kills", "2", "--seed", "9", "--folder", str(folder), *options(TINY)]
    done = subprocess.run([*script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kills: " in done.stdout
    return folder


def test_a_run_killed_at_random_moments_ends_bit_for_bit_as_an_undisturbed_one(killed: Path) -> None:
    assert _weights(killed / "killed" / "run") == _weights(killed / "whole" / "run")


def test_a_run_that_is_interrupted_says_how_to_go_on_and_goes_on_that_way(killed: Path, tmp_path: Path) -> None:
    settings = [*TINY, f"data_folder={killed / 'whole' / 'data'}", "tracking.aim=false"]
    command = [str(UPS), "run", str(RECIPE), "--runs", str(tmp_path), "--name", "stopped", *options(settings)]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        command = _stopped(command, number, tmp_path / "stopped" / "metrics.jsonl")
    resumed = subprocess.run(command, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert _weights(tmp_path / "stopped") == _weights(killed / "whole" / "run")


def _stopped(command: list[str], number: signal.Signals, metrics: Path) -> list[str]:
    """How a run that was stopped after its next record says to go on."""
    before = _last_step(metrics)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _wait_until(lambda: process.poll() is not None or _last_step(metrics) > before)
    process.send_signal(number)
    _, errors = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 130, errors
    assert errors.startswith("\nstopping at the end of this step, with a checkpoint; once more"), errors
    said = re.search(r"go on with: (.*)", errors)
    assert said is not None, errors
    return shlex.split(said[1])


def _last_step(metrics: Path) -> int:
    """Of the whole records; 0 before the first."""
    lines = metrics.read_text(encoding="utf-8").split("\n")[:-1] if metrics.exists() else []
    return max((json.loads(line)["step"] for line in lines), default=0)


def _wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _weights(run: Path) -> list[list[float]]:
    state = torch.load(run / "simulator.pt", weights_only=True)["state"]
    return [tensor.flatten().tolist() for tensor in state.values()]
