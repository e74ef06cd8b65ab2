"""`ups ui`: look at runs in Aim."""

from pathlib import Path

import click


@click.command("ui")
@click.argument("runs", type=click.Path(file_okay=False, path_type=Path), default=Path("runs"))
@click.option("--port", type=click.IntRange(1, 65535), default=43800, help="Port of this machine [43800].")
def command(runs: Path, port: int) -> None:
    """Serve Aim's pages about the runs in RUNS [runs], until Ctrl-C.

    Explorers for losses, validation errors, pictures and results are saved under Bookmarks. The pages answer to this
    machine alone, since Aim runs queries as code: look at them from elsewhere through an ssh tunnel.
    """
    from ups_framework.errors import RunError
    from ups_framework.runs.aim_ui import address, serving
    from ups_framework.runs.explorers import prepare_explorers
    from ups_framework.runs.signals import stop_signals

    if not runs.is_dir():
        raise RunError(f"{runs}: no such folder of runs")
    if not (runs / ".aim").exists():
        click.echo(f"{runs}: Aim has nothing yet; `ups runs sync {runs}` shows runs that are there")
    try:
        with stop_signals(), serving(runs, port) as process:
            click.echo(f"{runs} is shown at {address(port)} (Ctrl-C stops it)")
            for name, place in prepare_explorers(address(port)).items():
                click.echo(f"  {name:<30} {place}")
            code = process.wait()
            raise RunError(f"Aim's pages ended (code {code}); `ups ui` again brings them back")
    except KeyboardInterrupt:
        click.echo("stopped")
