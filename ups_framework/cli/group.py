"""A click group that imports a command when it is run, and prints our errors without a traceback."""

import errno
import os
from collections.abc import Mapping
from importlib import import_module

import click

from ups_framework.border import is_out_of_memory
from ups_framework.errors import RecipeError, UpsError
from ups_framework.suggest import did_you_mean

_OUT_OF_MEMORY = (
    "out of memory: lower training.batch, evaluation.batch, or the sizes of the data, the latent or the networks; "
    "checkpoints are kept"
)

_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""What writing to a stream, which has no name, fails with; writing to files raises errors of ours."""


class LazyGroup(click.Group):
    """Commands by name with their help lines; `<package>.<name>` is imported for its `command` on use."""

    def __init__(self, lines: Mapping[str, str], *, package: str, help: str) -> None:
        super().__init__(name="ups", help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self._lines = lines
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(self._lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command. A name that is none is an error of usage."""
        if cmd_name not in self._lines:
            ctx.fail(f"no command called {cmd_name!r}{did_you_mean(cmd_name, self._lines)}")
        command = import_module(f"{self._package}.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._lines.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what the user can mend is one message and an exit code."""
        try:
            return super().invoke(ctx)
        except UpsError as error:
            if os.environ.get("UPS_TRACEBACK"):
                raise
            click.echo(_message(error), err=True)
            ctx.exit(error.exit_code)
        except (MemoryError, RuntimeError) as error:  # torch raises plain RuntimeErrors on the CPU
            if not is_out_of_memory(error):
                raise
            click.echo(f"Error: {_OUT_OF_MEMORY}\n({str(error).splitlines()[0]})", err=True)
            ctx.exit(1)
        except OSError as error:
            if error.filename is not None or error.errno not in _NO_ROOM:
                raise
            click.echo(f"Error: the output cannot be written ({error.strerror})", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(130)


def _message(error: UpsError) -> str:
    if not isinstance(error, RecipeError):
        return f"Error: {error}"
    count = len(error.mistakes)
    return f"{error}\n{count} mistake{'s' if count != 1 else ''} in the recipe."
