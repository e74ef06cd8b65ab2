"""`ups diff`: what differs between two recipes or runs."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ups_framework.cli.options import profile_option
from ups_framework.cli.output import print_json
from ups_framework.cli.values import shown

if TYPE_CHECKING:
    from ups_framework.cli.sides import Side
    from ups_framework.recipe.difference import Difference

_Version = tuple[str, str | None, str | None]


@click.command("diff")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@profile_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(a: Path, b: Path, profile: str | None, as_json: bool) -> None:
    """Compare A and B, recipes or folders of runs, key by key with all defaults.

    A profile is laid over recipes only: a run's recipe has its profile in it. Where one of the two is a run, versions
    of plugins that differ are said too; a recipe stands for those that are installed.
    """
    from ups_framework.cli.sides import read_side
    from ups_framework.plugins import load_plugins
    from ups_framework.recipe import as_dict
    from ups_framework.recipe.difference import differences

    registry = load_plugins()
    sides = [read_side(path, registry, profile) for path in (a, b)]
    left, right = (as_dict(side.recipe, registry) for side in sides)
    found, versions = differences(left, right), _versions(*sides)
    if as_json:
        print_json(_as_json(sides, found, versions))
    else:
        _print(sides, found, versions)


def _versions(a: "Side", b: "Side") -> list[_Version]:
    """Distributions with plugins whose version differs, with both versions; none between two recipes."""
    if not (a.is_run or b.is_run):
        return []
    names = sorted({*a.versions, *b.versions})
    rows = [(name, a.versions.get(name), b.versions.get(name)) for name in names]
    return [row for row in rows if row[1] != row[2]]


def _print(sides: Sequence["Side"], found: Sequence["Difference"], versions: Sequence[_Version]) -> None:
    for name, side in zip("ab", sides, strict=True):
        click.echo(f"{name}: {side.label}")
    for _, group in groupby(found, key=lambda difference: difference.table):
        click.echo()
        for item in group:
            click.echo(f"{'.'.join(item.path)}: {shown(item.a)} → {shown(item.b)}")
    if not found:
        click.echo("\nno difference")
    if versions:
        click.echo("\nversions of plugins")
    for name, left, right in versions:
        click.echo(f"{name}: {left or '(not installed)'} → {right or '(not installed)'}")


def _as_json(
    sides: Sequence["Side"], found: Sequence["Difference"], versions: Sequence[_Version]
) -> Mapping[str, object]:
    return {
        **{
            name: {"path": str(side.path), "run": side.is_run, "profile": side.profile}
            for name, side in zip("ab", sides, strict=True)
        },
        "differences": [{"path": ".".join(item.path), "a": item.a, "b": item.b} for item in found],
        "versions": [{"distribution": name, "a": left, "b": right} for name, left, right in versions],
    }
