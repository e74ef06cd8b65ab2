"""What `ups bench --speed` prints: the steps of a recipe, part by part, and what bounds them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ups_framework.cli.output import print_json, print_table

if TYPE_CHECKING:
    from ups_framework.engine.device_rates import DeviceRates
    from ups_framework.engine.speed import Bound, Speed, StageSpeed

_MOST = 0.5
"""Of a step's time that a floor must explain to be called what bounds it by itself."""

_NAMES: Mapping["Bound", str] = {
    "compute": "arithmetic: its matrix products, at the rate of a large one",
    "memory": "memory bandwidth: the bytes that it has to move, at the rate of a large copy",
    "overhead": "the overhead of many small operations, each as long as one on a single number",
    "data": "drawing its batch",
}


def print_speed(recipe: Path, settings: Sequence[str], profile: str | None, *, as_json: bool) -> None:
    """Measure and print; progress goes to the standard error."""
    import torch

    from ups_framework.cli.core_share import CoreShare
    from ups_framework.cli.loading import load
    from ups_framework.engine.prepare import default_device
    from ups_framework.engine.speed import measure_speed
    from ups_framework.plugins import load_plugins
    from ups_framework.runs.environment import device_name

    registry = load_plugins()
    loaded = load(recipe, registry, settings, profile, err=True)
    share = CoreShare()
    with loaded.locating():
        speed = measure_speed(loaded.recipe, registry, default_device(), lambda line: click.echo(line, err=True))
    if default_device().type == "cpu":
        share.warn_if_low()
    device, threads = device_name(), torch.get_num_threads()
    if as_json:
        print_json({"recipe": str(recipe), "device": device, "threads": threads, **as_plain(speed)})
        return
    click.echo(
        f"{recipe} on {device}, {threads} CPU thread{'' if threads == 1 else 's'}, {loaded.recipe.training.precision}"
    )
    _print(speed)


def as_plain(speed: "Speed") -> dict[str, object]:
    """Everything, for JSON."""
    import attrs

    stages = [
        {
            **attrs.asdict(stage),
            "trainer_seconds": stage.trainer_seconds,
            "ratio": stage.ratio,
            "data_share": stage.data_share,
            "windows_per_second": stage.windows_per_second,
            "held_bytes": stage.costs.held_bytes,
            "moved_bytes": stage.costs.moved_bytes,
            "floors": stage.floors(speed.rates),
            "bound": bound(stage, speed.rates),
        }
        for stage in speed.stages
    ]
    return {"stages": stages, "rates": attrs.asdict(speed.rates)}


def _print(speed: "Speed") -> None:
    stages = speed.stages
    click.echo()
    print_table(["milliseconds of a step", *(_heading(stage) for stage in stages)], _part_rows(stages))
    click.echo()
    print_table(["", *(stage.name for stage in stages)], _figure_rows(stages, speed.rates))
    click.echo()
    for stage in stages:
        click.echo(f"{stage.name}: {bound(stage, speed.rates)}")


def _heading(stage: "StageSpeed") -> str:
    return f"{stage.name}, {stage.frames} frame{'' if stage.frames == 1 else 's'}"


def _part_rows(stages: Sequence["StageSpeed"]) -> list[list[str]]:
    from ups_framework.engine.speed import PARTS

    labels = {
        "data": "data (goal ≤ 2 %)",
        "losses": "losses beyond these",
        "optimiser": "optimiser and average",
    }
    shown = [part for part in PARTS if part != "solver" or any(each.parts[part] for each in stages)]
    rows = [[labels.get(part, part), *(_share(each.parts[part], each) for each in stages)] for part in shown]
    rows.append(["trainer, the rest", *(_share(each.trainer_seconds, each) for each in stages)])
    rows.append(["in all", *(_share(each.step_seconds, each) for each in stages)])
    return rows


def _share(seconds: float, stage: "StageSpeed") -> str:
    return f"{1000 * seconds:8.2f}  {seconds / stage.step_seconds:6.1%}"


def _figure_rows(stages: Sequence["StageSpeed"], rates: "DeviceRates") -> list[list[str]]:
    def mb(count: int) -> str:
        return f"{count / 1e6:.1f} MB"

    rows = {
        "trainer over bare loop (goal ≤ 1.03)": [f"{each.ratio:.3f}" for each in stages],
        "windows a second": [f"{each.windows_per_second:.3g}" for each in stages],
        "peak memory so far": [f"{each.peak_mib:.0f} MiB" for each in stages],
        "memory it needs at least": [mb(each.costs.held_bytes) for each in stages],
        "  weights and their average": [mb(2 * each.costs.parameter_bytes) for each in stages],
        "  gradients and moments": [mb(each.costs.gradient_bytes + each.costs.optimizer_bytes) for each in stages],
        "  activations": [mb(each.costs.activation_bytes) for each in stages],
        "model FLOPs (forward, backward)": [f"{each.costs.flops / 1e9:.3g} GFLOP" for each in stages],
        "achieved": [_achieved(each, rates) for each in stages],
        "FLOPs of the optimiser": [f"{each.costs.optimizer_flops / 1e9:.3g} GFLOP" for each in stages],
        "operations": [f"{each.costs.operations:,}" for each in stages],
        "moves at least": [mb(each.costs.moved_bytes) for each in stages],
    }
    return [[label, *cells] for label, cells in rows.items()]


def _achieved(stage: "StageSpeed", rates: "DeviceRates") -> str:
    rate = stage.costs.flops / stage.step_seconds
    return f"{rate / 1e9:.3g} of {rates.flops_per_second / 1e9:.3g} GFLOP/s ({rate / rates.flops_per_second:.0%})"


def bound(stage: "StageSpeed", rates: "DeviceRates") -> str:
    """One sentence on what the step cannot be faster than."""
    floors = stage.floors(rates)
    greatest, *others = sorted(floors, key=lambda name: floors[name], reverse=True)
    share = floors[greatest] / stage.step_seconds
    beside = ", ".join(f"{name} {floors[name] / stage.step_seconds:.0%}" for name in others)
    if share >= _MOST:
        return f"bound by {_NAMES[greatest]}, take {share:.0%} of its time (by themselves {beside})"
    return (
        f"bound by no one thing; most by {_NAMES[greatest]}, take {share:.0%} of its time (by themselves {beside}); "
        "the rest is arithmetic element by element, and matrix products and operations slower than at best"
    )
