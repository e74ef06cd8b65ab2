"""An exported simulator gives what the simulator gives, at any points, and needs no more than it says."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from ups_framework.cli import group
from ups_framework.engine.exported import StepFunction, example_of
from ups_framework.engine.safetensors import read_safetensors, safetensors_bytes
from ups_framework.engine.simulator import Simulator
from ups_framework.errors import RunError
from ups_framework.runs.exporting import load_safetensors

_WITHOUT_US = """
import sys, torch
sys.modules.update(dict.fromkeys(("ups_framework", "ups_burgers", "attrs", "cattrs", "pluggy")))
extra = {"simulator.json": ""}
step = torch.export.load(sys.argv[1], extra_files=extra).module()
start, parameters, points = torch.load(sys.argv[2], weights_only=True)
torch.save((step(start, parameters, points), extra["simulator.json"]), sys.argv[3])
"""


@pytest.fixture(scope="module")
def simulator(trained_runs: Path) -> Simulator:
    return Simulator.load(trained_runs / "first" / "simulator.pt")


def _inputs(simulator: Simulator, samples: int, points: int) -> tuple[Tensor, Tensor, Tensor]:
    start, parameters, _ = example_of(simulator)
    places = torch.rand(points, 1, generator=torch.Generator().manual_seed(0))
    return start[:1].repeat(samples, 1, 1), parameters[:1].repeat(samples, 1), places


def _export(trained_runs: Path, out: Path, *options: str) -> None:
    done = CliRunner().invoke(group, ["export", str(trained_runs / "first"), "--out", str(out), *options])
    assert done.exit_code == 0, done.output


def test_the_exported_function_is_the_rollout_and_goes_on_where_it_ended(simulator: Simulator) -> None:
    start, parameters, points = _inputs(simulator, 2, 5)
    expected = simulator.rollout(start, 4, at=points, parameters=parameters)
    whole, on_grid = StepFunction(simulator, 2)(start, parameters, points)
    more, _ = StepFunction(simulator, 2)(on_grid[:, -1], parameters, points)
    assert torch.allclose(torch.cat([whole, more], dim=1), expected, atol=1e-5)


def test_a_torch_program_needs_torch_alone_and_takes_any_number_of_points(
    trained_runs: Path, simulator: Simulator, tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("step.pt2", "inputs", "outputs")]
    _export(trained_runs, files[0], "--steps", "2")
    inputs = _inputs(simulator, 3, 11)
    torch.save(inputs, files[1])
    subprocess.run([sys.executable, "-c", _WITHOUT_US, *map(str, files)], check=True)
    (at_points, on_grid), text = torch.load(files[2], weights_only=True)
    start, parameters, points = inputs
    expected = simulator.rollout(start, 2, at=points, parameters=parameters)
    difference = float((at_points - expected).abs().max())
    print(f"torch: largest difference {difference:.1e}")
    assert difference < 1e-5
    assert torch.allclose(on_grid, simulator.rollout(start, 2, parameters=parameters), atol=1e-5)
    said = json.loads(text)
    assert said["channels"] == list(simulator.problem.channel_names)
    assert said["sizes"]["N"] == start.shape[1]


def test_a_torch_program_has_the_ending_that_torch_asks_for(trained_runs: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(group, ["export", str(trained_runs / "first"), "--out", str(tmp_path / "step.pt")])
    assert done.exit_code == 2
    assert "end in .pt2" in done.output


def test_safetensors_hold_all_that_makes_the_simulator_again(
    trained_runs: Path, simulator: Simulator, tmp_path: Path
) -> None:
    out = tmp_path / "simulator.safetensors"
    _export(trained_runs, out, "--format", "safetensors")
    start, parameters, points = _inputs(simulator, 2, 7)
    again = load_safetensors(out).rollout(start, 2, at=points, parameters=parameters)
    assert torch.equal(again, simulator.rollout(start, 2, at=points, parameters=parameters))


def test_safetensors_are_laid_out_as_their_format_says(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6).reshape(2, 3), "b": torch.tensor(1.5, dtype=torch.bfloat16), "c": torch.ones(0, 2)}
    content = safetensors_bytes(tensors, {"format": "pt"})
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0
    assert header["a"] == {"dtype": "I64", "shape": [2, 3], "data_offsets": [0, 48]}
    path = tmp_path / "file"
    path.write_bytes(content)
    read, metadata = read_safetensors(path)
    assert metadata == {"format": "pt"}
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())
    path.write_bytes(content[:-1])
    with pytest.raises(RunError, match="is damaged"):
        read_safetensors(path)


def test_onnx_gives_the_same_or_says_what_to_install(trained_runs: Path, simulator: Simulator, tmp_path: Path) -> None:
    out = tmp_path / "step.onnx"
    arguments = ["export", str(trained_runs / "first"), "--out", str(out), "--format", "onnx"]
    done = CliRunner().invoke(group, arguments)
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        assert done.exit_code == 1
        assert "pip install 'ups-framework[onnx]'" in done.output
        return
    assert done.exit_code == 0, done.output
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(out))
    start, parameters, points = _inputs(simulator, 3, 11)
    feed = {"start": start.numpy(), "parameters": parameters.numpy(), "points": points.numpy()}
    at_points, _ = session.run(None, {item.name: feed[item.name] for item in session.get_inputs()})
    expected = simulator.rollout(start, 1, at=points, parameters=parameters)
    assert float((torch.from_numpy(at_points) - expected).abs().max()) < 1e-5
