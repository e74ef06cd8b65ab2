"""`ups plugins`: what is installed, what is broken and why, and whether a plugin keeps what it promises."""

import sys

import attrs
import click

from ups_framework.cli.output import print_json, print_table, visible
from ups_framework.plugins import PluginInfo, load_plugins

_SLOW = 3.0
"""A check that takes more seconds says so."""


@click.group("plugins", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show the installed plugins, and why one is broken."""
    if context.invoked_subcommand is not None:
        return
    plugins = load_plugins().plugins
    if as_json:
        print_json([_as_json(plugin) for plugin in plugins])
        return
    print_table(["plugin", "version", "package", "components"], [_row(plugin) for plugin in plugins])
    for plugin in plugins:
        if plugin.error is not None:
            click.echo(f"\n{plugin.name} ({plugin.distribution}) is broken: {visible(plugin.error)}")


@command.command("check")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(name: str, as_json: bool) -> None:
    """Check everything that plugin NAME registers against what its kinds promise. Exit code 1 if a check fails."""
    from ups_framework.testing import Result, examine_plugin

    def say(result: Result) -> None:
        verdict = "ok" if result.problem is None else "NO (why stands at the end)"
        took = f" (took {result.seconds:.0f} s)" if result.seconds > _SLOW else ""
        click.echo(f"{result.component} {result.check}: {verdict}{took}")

    report = examine_plugin(name, load_plugins(), (lambda _: None) if as_json else say)
    failed = len(report.failures)
    if as_json:
        print_json([attrs.asdict(result) for result in report.results])
    else:
        if failed:
            click.echo(f"\n{report}")
        click.echo(f"\n{name}: {len(report.results) - failed} checks passed, {failed} failed")
    sys.exit(1 if failed else 0)


def _row(plugin: PluginInfo) -> list[str]:
    counts = ", ".join(f"{kind} {count}" for kind, count in plugin.counts.items())
    return [plugin.name, plugin.version, plugin.distribution, "broken" if plugin.error is not None else counts]


def _as_json(plugin: PluginInfo) -> dict[str, object]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "module": plugin.module,
        "error": plugin.error,
        "components": dict(plugin.counts),
    }
