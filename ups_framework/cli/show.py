"""`ups show`: everything about one run on a page."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ups_framework.cli.output import print_json, print_table, visible


@click.command("show")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: Path, as_json: bool) -> None:
    """Show the folder RUN: recipe, data, parts, stages, results beside the reference rows, audits, costs and files."""
    from ups_framework.runs.runs_folder import named_runs
    from ups_framework.runs.summary import summary

    (record,) = named_runs([run])
    found = summary(record)
    if as_json:
        print_json(found)
        return
    for write in (_head, _data, _parts, _stages, _results, _gates, _cost, _files):
        write(found)


def _head(found: Mapping[str, Any]) -> None:
    tags = f"  [{' '.join(found['tags'])}]" if found["tags"] else ""
    click.echo(visible(f"{found['run']}: {found['status']}, {found['changed']}{tags}"))
    if found["problem"]:
        click.echo(visible(f"problem: {found['problem']}"))
    click.echo(visible(found["description"]))


def _data(found: Mapping[str, Any]) -> None:
    from ups_framework.runs.summary import settings

    click.echo("\nData and protocol")
    _line(found["data"]["use"], settings(found["data"]))
    if found["protocol"]:
        _line("protocol", settings(found["protocol"]))


def _parts(found: Mapping[str, Any]) -> None:
    from ups_framework.runs.summary import settings

    click.echo("\nParts")
    _line("latent", settings(found["latent"]))
    for name, part in found["parts"].items():
        own = {key: value for key, value in part.items() if key not in ("use", "parameters")}
        count = "" if part["parameters"] is None else f" ({part['parameters']:,} parameters)"
        _line(name, f"{part['use']}{count}: {settings(own)}".removesuffix(": "))
    if found["sampler"]:
        _line("sampler", f"{found['sampler']['use']}: {settings(found['sampler'])}".removesuffix(": "))


def _stages(found: Mapping[str, Any]) -> None:
    from ups_framework.runs.tables import number

    click.echo("\nStages")
    for name, stage in found["stages"].items():
        best = f"best validation {stage['select']} nRMSE {number(stage['best_validation'])}"
        _line(name, f"{stage['steps']} steps, trains {', '.join(stage['trains'])}; {best}")
        rows = [
            [f"    {term}", number(row["raw"]), number(row["weighted"]), _percent(row["share"])]
            for term, row in stage["audit"].items()
        ]
        if rows:
            print_table(["    last audit", "raw", "weighted", "of gradient"], rows)


def _results(found: Mapping[str, Any]) -> None:
    from ups_framework.runs.tables import number

    click.echo("\nResults on the test data")
    if not found["rows"]:
        click.echo("  the run is not evaluated yet")
        return
    for horizon in ("rollout", "one_step"):
        rows = {name: row[horizon] for name, row in found["rows"].items() if horizon in row}
        metrics = _numbers(rows.values())
        table = [[f"  {name}", *(number(row.get(metric)) for metric in metrics)] for name, row in rows.items()]
        print_table([f"  {horizon}", *metrics], table)
    scores = found["super_resolution"].items()
    if scores:
        click.echo("  finer grids: " + ", ".join(f"{factor}× {number(score.get('nrmse'))}" for factor, score in scores))


def _numbers(rows: Any) -> Sequence[str]:  # values of a mapping of JSON
    return list(dict.fromkeys(name for row in rows for name in row if not isinstance(row[name], list | dict)))


def _gates(found: Mapping[str, Any]) -> None:
    from ups_framework.runs.tables import number

    if not found["gates"]:
        return
    click.echo("\nGates")
    for name, state in found["gates"].items():
        verdict = found["verdicts"].get(name)
        if verdict is None:
            _line(name, f"{state}: not judged yet")
            continue
        reason = f"; {verdict['reason']}" if verdict["reason"] else ""
        _line(name, f"{state}: {verdict['metric']} {number(verdict['value'])}, {verdict['rule']}{reason}")


def _cost(found: Mapping[str, Any]) -> None:
    from ups_framework.runs.tables import number

    cost = found["cost"]
    if cost:
        click.echo("\nCost")
        _line("parameters", f"{cost['parameters']:,}")
        _line("training", f"{number(cost['train_seconds'])} s, {number(1000 * cost['seconds_per_step'])} ms a step")
        _line("peak memory", f"{number(cost['peak_memory_mib'])} MiB")


def _files(found: Mapping[str, Any]) -> None:
    click.echo("\nFiles")
    for name, path in found["files"].items():
        _line(name, path)


def _line(name: str, text: str) -> None:
    indent = " " * 17
    lines = textwrap.wrap(visible(text), 118 - len(indent), break_long_words=False, break_on_hyphens=False) or [""]
    click.echo(f"  {visible(name):<14} " + f"\n{indent}".join(lines))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
