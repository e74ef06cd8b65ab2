"""The simulator of a run as one file for other programs, which holds normaliser, problem and any-point query."""

import io
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from ups_framework.engine.build import rebuild_simulator
from ups_framework.engine.exported import StepFunction, example_of
from ups_framework.engine.safetensors import read_safetensors, safetensors_bytes
from ups_framework.engine.simulator import Simulator
from ups_framework.errors import RunError

DESCRIPTION = "simulator.json"
"""What the file of torch.export calls the description; ONNX and safetensors have it as metadata `simulator`."""

INPUTS, OUTPUTS = ("start", "parameters", "points"), ("at_points", "on_grid")


def described(simulator: Simulator, steps: int, samples: object = "any") -> str:
    """JSON on what the file does: problem, inputs, outputs, and all settings of the simulator."""
    problem = simulator.problem
    size = {
        "B": samples if isinstance(samples, int) else "any",
        "T": steps,
        "Q": "any",
        "N": problem.grid.num_points,
        "C": problem.num_channels,
    }
    return json.dumps(
        {
            "inputs": {"start": "B N C", "parameters": "B P", "points": "Q d"},
            "outputs": {"at_points": "B T Q C", "on_grid": "B T N C"},
            "sizes": {**size, "P": len(problem.parameters), "d": len(problem.axes)},
            "channels": list(problem.channel_names),
            "parameters": [parameter.name for parameter in problem.parameters],
            "dt": problem.dt,
            "grid_points": simulator.grid_points.tolist(),
            "simulator": simulator.description,
        },
        ensure_ascii=False,
    )


def as_torch(simulator: Simulator, steps: int) -> bytes:
    """A file for `torch.export.load`, which needs torch alone. RunError if a part cannot be exported, as a solver."""
    file, program = io.BytesIO(), _program(simulator, steps)
    extra = {DESCRIPTION: described(simulator, steps, _samples(program))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, file, extra_files=extra)
    return file.getvalue()


def as_onnx(simulator: Simulator, steps: int) -> bytes:
    """An ONNX model. RunError if onnx and onnxscript are not installed, or cannot express a part."""
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise RunError(f"--format onnx needs {' and '.join(missing)}: pip install 'ups-framework[onnx]'")
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        program, path = _program(simulator, steps), Path(folder) / "model.onnx"
        try:
            made = torch.onnx.export(
                program, dynamo=True, input_names=INPUTS, output_names=OUTPUTS, optimize=True, verbose=False
            )
        except torch.onnx.OnnxExporterError as error:
            raise RunError(f"ONNX cannot express a part of this simulator: {str(error).splitlines()[0]}") from error
        assert made is not None
        made.model.metadata_props["simulator"] = described(simulator, steps, _samples(program))
        made.save(path)
        return path.read_bytes()


def as_safetensors(simulator: Simulator, steps: int) -> bytes:
    """The weights and buffers, with the description as metadata: `load_safetensors` makes the simulator again."""
    return safetensors_bytes(simulator.state_dict(), {"format": "pt", "simulator": described(simulator, steps)})


def load_safetensors(path: Path) -> Simulator:
    """The simulator that `as_safetensors` wrote; RunError if the file is another one."""
    tensors, metadata = read_safetensors(path)
    if "simulator" not in metadata:
        raise RunError(f"{path}: has no description of a simulator")
    simulator = rebuild_simulator(json.loads(metadata["simulator"])["simulator"])
    simulator.load_state_dict(tensors)
    return simulator.eval()


def _program(simulator: Simulator, steps: int) -> ExportedProgram:
    """The function with any number of samples and points; of one sample where a part was made for a fixed number."""
    if (solver := simulator.settings.corrects) is not None:
        raise RunError(
            f"this simulator corrects the solver {solver!r}, which is no network and cannot be exported; "
            "take --format safetensors, or Simulator.load on its simulator.pt"
        )
    example = example_of(simulator)
    shapes = {name: {0: Dim.AUTO} for name in INPUTS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = _exported(simulator, steps, example, shapes)
        if isinstance(_samples(program), int):
            one = (example[0][:1], example[1][:1], example[2])
            program = _exported(simulator, steps, one, {**shapes, "start": {}, "parameters": {}})
    return program


def _exported(
    simulator: Simulator, steps: int, example: tuple[Tensor, ...], shapes: Mapping[str, object]
) -> ExportedProgram:
    try:
        return torch.export.export(StepFunction(simulator, steps), example, dynamic_shapes=dict(shapes), strict=False)
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        raise RunError(f"torch.export cannot take a part of this simulator: {str(error).splitlines()[0]}") from error


def _samples(program: ExportedProgram) -> object:
    """The first size of the field to start from: a symbol where it is free."""
    (start,) = (node for node in program.graph.nodes if node.op == "placeholder" and node.name == "start")
    return start.meta["val"].shape[0]


FORMATS: Mapping[str, Callable[[Simulator, int], bytes]] = {
    "torch": as_torch,
    "safetensors": as_safetensors,
    "onnx": as_onnx,
}
"""Each format and what writes it."""
