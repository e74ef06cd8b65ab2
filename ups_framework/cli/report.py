"""`ups report`: one page over several runs."""

import shlex
from pathlib import Path

import click

from ups_framework.cli.options import OutFile


@click.command("report")
@click.argument("runs", metavar="RUN...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", type=OutFile(), default=Path("report.html"), help="[report.html]")
def command(runs: tuple[Path, ...], out: Path) -> None:
    """Write a page over the folders RUN: error against cost, over the rollout, spectra, pictures, what differences do.

    The page needs no network and prints well. Runs that differ in their seed alone are one recipe with mean ± sd; with
    three seeds that all have, each recipe is held to that of the first RUN. Runs that were measured by different
    protocols are refused.
    """
    from ups_framework.runs.atomic import write_whole
    from ups_framework.runs.joint_report import joint_report
    from ups_framework.runs.runs_folder import named_runs

    again = shlex.join(["ups", "report", *map(str, runs), "--out", str(out)])
    write_whole(out, joint_report(named_runs(runs), again))
    click.echo(f"written: {out}")
