"""`ups board`: the best runs for each dataset and protocol."""

from pathlib import Path

import click

from ups_framework.cli.options import OutFile
from ups_framework.cli.output import print_table, visible


@click.command("board")
@click.argument("runs", type=click.Path(path_type=Path), default=Path("runs"))
@click.option("--html", type=OutFile(), help="Write it as a page too, which needs no network.")
@click.option("--csv", "csv_file", type=OutFile(), help="Write it as CSV too.")
def command(runs: Path, html: Path | None, csv_file: Path | None) -> None:
    """Rank the runs below the folder RUNS [runs] by rollout nRMSE, beside the reference rows and with their costs.

    There is a board for each protocol. Runs that differ in their seed alone are one row, with mean ± sd.
    """
    from ups_framework.runs.atomic import write_whole
    from ups_framework.runs.board import as_csv, boards
    from ups_framework.runs.board_page import COLUMNS, board_page, cells
    from ups_framework.runs.runs_folder import read_runs

    records = read_runs(runs)
    found = boards(records)
    for board in found:
        click.echo(f"\n{visible(board.title)}")
        rows = [[str(rank), entry.name, *cells(board, entry)] for rank, entry in enumerate(board.entries, start=1)]
        rows += [["", f"({entry.name})", *cells(board, entry)] for entry in board.references]
        print_table(["", "run (reference)", *COLUMNS], rows)
    left_out = [record for record in records if not record.evaluation and record.status != "foreign"]
    broken = [record.name for record in left_out if record.status == "broken"]
    if left_out or not found:
        and_broken = f", {len(broken)} of them broken ({', '.join(broken)})" if broken else ""
        click.echo(visible(f"\n{runs}: {len(left_out)} runs have no results yet{and_broken}; `ups runs` lists them"))
    for path, data in ((html, board_page(found)), (csv_file, as_csv(found))):
        if path is not None:
            write_whole(path, data)
            click.echo(f"written: {path}")
