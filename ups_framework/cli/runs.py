"""`ups runs`: the list of runs, and what becomes of them."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ups_framework.cli.output import print_json, print_table, visible
from ups_framework.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ups_framework.runs.keeping import Move
    from ups_framework.runs.run_record import RunRecord

_LONGEST = 56
"""Letters of a description in the list; `ups show` has all of it."""

_STATUSES = ("active", "success", "failed", "stopped", "stale", "broken", "foreign")

_COLUMNS = (
    *("run", "status", "gates", "rollout nRMSE", "one-step nRMSE", "parameters", "training s", "when", "tags"),
    "recipe, or what is wrong",
)


class _ListByDefault(click.Group):
    """A group that runs its command `list` where none is named: `ups runs FOLDER` is `ups runs list FOLDER`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name the command."""
        named = args and args[0] in {*self.commands, *ctx.help_option_names}
        if args and not named and not args[0].startswith("-") and not Path(args[0]).exists():
            ctx.fail(f"no command and no folder called {args[0]!r}{did_you_mean(args[0], self.commands)}")
        return super().parse_args(ctx, args if named else ["list", *args])


_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would be touched.")
_some_runs = click.argument("runs", metavar="RUN...", type=click.Path(path_type=Path), nargs=-1, required=True)


@click.group("runs", cls=_ListByDefault)
def command() -> None:
    """List runs, tag them, archive and restore them, promote them, delete them.

    Without a command it lists: `ups runs --status failed` is `ups runs list --status failed`.
    """


@command.command("list")
@click.argument("runs", type=click.Path(path_type=Path), default=Path("runs"))
@click.option("--where", "wheres", multiple=True, metavar="CONDITION", help="Only runs of which this is true.")
@click.option("--status", "statuses", multiple=True, type=click.Choice(_STATUSES), help="Only runs of this status.")
@click.option("--sort", default="-when", metavar="KEY", help="Sort by `when` or a key; -KEY the other way [-when].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_runs(runs: Path, wheres: tuple[str, ...], statuses: tuple[str, ...], sort: str, as_json: bool) -> None:
    """List the runs below the folder RUNS [runs], the newest first.

    A CONDITION is KEY=VALUE, or has one of != < <= > >= between the two: latent.tokens=32, 'rollout.nrmse<0.05',
    tags=paper. Quote it for the shell. A KEY is one of the resolved recipe, or of the evaluation: rollout.nrmse and
    one_step.nrmse are the model's, persistence.rollout.nrmse is a reference row's; also cost.parameters,
    protocol.points and the like, name, status, tags, and gates, which is pass if all pass, else fail or missing.
    Several conditions have to be true all at once.
    """
    from ups_framework.runs.conditions import Condition, chosen, in_order
    from ups_framework.runs.runs_folder import read_runs
    from ups_framework.runs.summary import overview

    conditions = [Condition.read(text) for text in wheres]
    everything = read_runs(runs)
    found = [record for record in chosen(everything, conditions) if not statuses or record.status in statuses]
    records = in_order(found, sort)
    if as_json:
        print_json([overview(record) for record in records])
    elif records:
        print_table(_COLUMNS, [_row(record) for record in records])
    else:
        click.echo(f"{runs}: " + (f"none of {len(everything)} is such a run" if everything else "holds no runs"))


def _row(record: "RunRecord") -> list[str]:
    from ups_framework.runs.tables import number

    description = record.description
    cut = description if len(description) <= _LONGEST else f"{description[: _LONGEST - 1]}…"
    parameters, seconds = record.cost("parameters"), record.cost("train_seconds")
    return [
        record.name,
        record.status,
        _gates(record),
        number(record.metric("rollout")),
        number(record.metric("one_step")),
        "–" if parameters is None else f"{parameters:,.0f}",
        "–" if seconds is None else f"{seconds:,.0f}",
        f"{datetime.fromtimestamp(record.changed):%Y-%m-%d %H:%M}" if record.changed else "–",  # here
        " ".join(record.tags),
        record.problem or cut,
    ]


def _gates(record: "RunRecord") -> str:
    """`2 pass, 1 missing`."""
    states = list(record.gates.values())
    counts = [(states.count(state), state) for state in ("fail", "missing", "pass")]
    return ", ".join(f"{count} {state}" for count, state in counts if count) or "–"


@command.command("tag")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("words", metavar="TAG...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take these tags off.")
@_dry_run
def tag(run: Path, words: tuple[str, ...], remove: bool, dry_run: bool) -> None:
    """Put words on the folder RUN.

    `ups runs` shows them, and `ups runs --where tags=TAG` finds runs by them.
    """
    from ups_framework.errors import RunError
    from ups_framework.runs.folder import RunFolder
    from ups_framework.runs.tags import checked, read_tags, write_tags
    from ups_framework.suggest import listed

    folder = RunFolder.open_begun(run)
    before = read_tags(folder)
    absent = [word for word in words if word not in before]
    if remove and absent:
        raise RunError(f"{run}: has no tag {listed(absent)} (tags: {listed(before)})")
    after = checked(set(before) - set(words) if remove else {*before, *words})
    if not dry_run:
        write_tags(folder, after)
    click.echo(f"{run}: {'would be ' if dry_run else ''}tagged {' '.join(after) or '(nothing)'}")


@command.command("archive")
@_some_runs
@_dry_run
def archive(runs: tuple[Path, ...], dry_run: bool) -> None:
    """Move the folders RUN to `.archive` beside them.

    `ups runs restore` brings them back, and `ups runs RUNS/.archive` lists them. A run that a process works on is
    refused, and then none is moved.
    """
    from ups_framework.runs.keeping import to_archive

    _move(to_archive(runs), dry_run)


@command.command("restore")
@_some_runs
@_dry_run
def restore(runs: tuple[Path, ...], dry_run: bool) -> None:
    """Move archived runs back to RUN, the path that each had."""
    from ups_framework.runs.keeping import from_archive

    _move(from_archive(runs), dry_run)


def _move(moves: "Sequence[Move]", dry_run: bool) -> None:
    from ups_framework.runs.keeping import move, refuse_active

    refuse_active([each.source for each in moves])
    if not dry_run:
        move(moves)
    for each in moves:
        click.echo(visible(f"{each.source} {_done('moved to', dry_run)} {each.target}"))


@command.command("promote")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, help="Folder of recipes to keep.")
@_dry_run
def promote_run(run: Path, folder: Path, dry_run: bool) -> None:
    """Write the resolved recipe of RUN to FOLDER, with its results, gates, seeds, commit and data as comments.

    Gates are judged anew. A run that did not pass all gates of its recipe, or has none, is refused with the reasons.
    """
    from ups_framework.runs.promoting import promote, promotion
    from ups_framework.runs.runs_folder import named_runs

    promoted = promotion(named_runs([run])[0], folder)
    if not dry_run:
        promote(promoted)
    for line in promoted.evidence:
        click.echo(visible(f"  {line}"))
    click.echo(visible(f"{promoted.path} {_done('written', dry_run)}"))


@command.command("sync")
@click.argument("runs", type=click.Path(path_type=Path), default=Path("runs"))
def sync_runs(runs: Path) -> None:
    """Show in Aim whatever the folders below RUNS [runs] have and Aim has not.

    Rebuilds Aim's store where it was deleted, and shows runs that came from another machine or trained without Aim.
    Doing it twice is doing it once. A run that a process works on is left alone: that process shows it.
    """
    from ups_framework.runs.syncing import sync

    done = sync(runs, click.echo)
    told = {"shown": "shown", "skipped": "left alone: {}", "failed": "NOT shown: {}"}
    told["gone"] = (
        f"its folder is gone, and Aim has all that is left; `aim runs --repo {runs} rm {{}}` removes that too"
    )
    for run in done:
        if run.outcome != "current":
            click.echo(visible(f"{run.name}: {told[run.outcome].format(run.reason)}"))
    counts = [sum(run.outcome == outcome for run in done) for outcome in ("shown", "current")]
    click.echo(f"{runs}: {counts[0]} brought up to date, {counts[1]} were so already")
    if any(run.outcome == "failed" for run in done):
        raise click.exceptions.Exit(1)


@command.command("delete")
@_some_runs
@_dry_run
def delete_runs(runs: tuple[Path, ...], dry_run: bool) -> None:
    """Delete the folders RUN for good. Try --dry-run first: it lists exactly what would go.

    A run that a process works on is refused, and then none is deleted.
    """
    from ups_framework.runs.keeping import delete, refuse_active, size, to_delete

    paths = to_delete(runs)
    refuse_active(paths)
    sizes = [size(path) for path in paths]
    if not dry_run:
        delete(paths)
    for path, each in zip(paths, sizes, strict=True):
        click.echo(visible(f"{path} {_done('deleted', dry_run)}: {each / 1e6:.1f} MB"))


def _done(what: str, dry_run: bool) -> str:
    return f"would be {what}" if dry_run else what
