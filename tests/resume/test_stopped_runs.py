"""Runs that are killed, or asked to stop, end as if nothing had happened."""

import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

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
    "training.checkpoint_every=10",
    "training.validate_every=50",
    "training.audit_every=30",
    "stages.autoencode.steps=20",
    "stages.operator.steps=80",
]
RECIPE = ROOT / "recipes" / "navier_stokes_decaying.toml"


def options(settings: list[str]) -> list[str]:
    return [option for setting in settings for option in ("--set", setting)]


def test_a_run_killed_at_random_moments_ends_bit_for_bit_as_an_undisturbed_one(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "kill_and_resume.py"), str(RECIPE)]
    done = subprocess.run(
        [*script, "--kills", "2", "--folder", str(tmp_path), *options(TINY)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kills: " in done.stdout


def test_a_run_that_is_interrupted_says_how_to_go_on_and_goes_on_that_way(tmp_path: Path) -> None:
    settings = [*TINY, f"data_folder={tmp_path / 'data'}", "tracking.aim=false"]
    command = [str(UPS), "run", str(RECIPE), "--runs", str(tmp_path), *options(settings)]
    whole = subprocess.run([*command, "--name", "whole"], capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    for name, number in (("interrupted", signal.SIGINT), ("terminated", signal.SIGTERM)):
        process = subprocess.Popen(
            [*command, "--name", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        _wait_for(tmp_path / name / "metrics.jsonl")
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        said = re.search(r"go on with: (.*)", errors)
        assert said is not None, errors
        resumed = subprocess.run(shlex.split(said[1]), capture_output=True, text=True)
        assert resumed.returncode == 0, resumed.stderr
        assert _weights(tmp_path / name) == _weights(tmp_path / "whole")


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


def _weights(run: Path) -> list[list[float]]:
    state = torch.load(run / "simulator.pt", weights_only=True)["state"]
    return [tensor.flatten().tolist() for tensor in state.values()]
