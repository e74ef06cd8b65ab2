"""The command line. This file alone answers `ups --help`: commands are imported when they are run."""

from ups_framework.cli.group import LazyGroup

COMMANDS = {
    "run": "Train a recipe, evaluate the simulator and write a report.",
    "check": "Find every mistake of a recipe without training.",
    "eval": "Evaluate the simulator of a run again.",
    "plugins": "Show the installed plugins, and why one is broken.",
    "list": "List the components of a kind.",
    "describe": "Show a component: what it does, its fields and how to use it.",
}
"""Each command and its line in the help; module `ups_framework.cli.<name>` holds it as `command`."""

group = LazyGroup(COMMANDS, package=__name__, help="Train neural simulators of physics from TOML recipes.")


def main() -> None:
    """Entry point of the `ups` script."""
    group(prog_name="ups")
