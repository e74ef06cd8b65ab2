"""The command line. This file alone answers `ups --help`: commands are imported when they are run."""

import os

import click

from ups_framework.cli.group import LazyGroup

COMMANDS = {
    "run": "Train a recipe, evaluate the simulator and write a report.",
    "check": "Find every mistake of a recipe without training.",
    "plan": "Say what a recipe will take: time, memory, disk and cost.",
    "explain": "Say what a recipe will do, before anything is made.",
    "diff": "Compare two recipes or runs key by key.",
    "bench": "Train variants of a recipe, and tell differences from chance.",
    "eval": "Evaluate the simulator of a run again.",
    "runs": "List, tag, archive, promote and delete runs.",
    "show": "Show everything about a run on a page.",
    "ui": "Look at runs in Aim, in a browser.",
    "compare": "Compare runs: their recipes, and figures over seeds.",
    "board": "Rank runs for each dataset and protocol.",
    "export": "Write the simulator of a run for other programs.",
    "report": "Write one page over several runs, with figures and verdicts.",
    "plugins": "Show the installed plugins, and why one is broken.",
    "list": "List the components of a kind, or of all.",
    "recipes": "List the recipes that plugins ship, ready to run and to extend.",
    "describe": "Show a component: what it does, its fields and how to use it.",
    "new-plugin": "Write a plugin to begin with: a whole package that works.",
    "schema": "Print the JSON Schema of recipes, for editors.",
}
"""Each command and its line in the help; module `ups_framework.cli.<name>`, with '_' for '-', holds it as `command`."""

group = LazyGroup(COMMANDS, package=__name__, help="Train neural simulators of physics from TOML recipes.")
click.version_option(package_name="ups-framework", prog_name="ups", message="%(prog)s %(version)s")(group)


def main() -> None:
    """Entry point of the `ups` script."""
    # torch's OpenMP threads spin while they wait: alone on the machine that gains some 5 %, beside another busy process
    # it makes a step ten times slower. Spinning briefly has most of the one and little of the other.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    group(prog_name="ups")
