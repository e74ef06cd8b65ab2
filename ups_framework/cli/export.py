"""`ups export`: the simulator of a run for other programs."""

from pathlib import Path

import click

from ups_framework.cli.options import OutFile

_FORMATS = ("torch", "safetensors", "onnx")


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="torch", help="[torch]")
@click.option("--steps", type=click.IntRange(min=1), default=1, help="Time steps that a call makes [1].")
@click.option("--out", type=OutFile(), required=True, help="File to write.")
def command(run: Path, kind: str, steps: int, out: Path) -> None:
    """Write the simulator of the folder RUN as one file for other programs.

    torch: a program for torch.export.load, without us: (start, parameters, points) -> (at_points, on_grid), in physical
    units, for any number of samples and points. onnx: the same. safetensors: the weights, with all settings as JSON.
    """
    from ups_framework.engine.simulator import Simulator
    from ups_framework.runs.atomic import write_whole
    from ups_framework.runs.exporting import FORMATS
    from ups_framework.runs.folder import RunFolder

    if kind == "torch" and out.suffix != ".pt2":
        raise click.BadParameter(f"torch.export.load takes files that end in .pt2, not {out.name}", param_hint="--out")
    simulator = Simulator.load(RunFolder.open_begun(run).trained_simulator())
    write_whole(out, FORMATS[kind](simulator, steps))
    click.echo(f"written: {out} ({out.stat().st_size / 1e6:.1f} MB)")
