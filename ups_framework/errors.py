"""Errors for the person who caused them: each has a message that says where, what, and how to mend it.

The command line prints them without a traceback and exits with `exit_code`.
"""

from collections.abc import Sequence

from attrs import frozen


class UpsError(Exception):
    """Something that the user can mend: a recipe, a plugin, a file, a run folder."""

    exit_code = 1


@frozen(kw_only=True)
class Mistake:
    """One wrong value in a recipe."""

    path: str
    """Dotted path of the value, such as `losses.conservation.share`."""

    problem: str
    """What was found, what was expected and the nearest right thing."""

    source: str = ""
    """Where the value was set: `file:line` or `--set ...`; empty if that is not known."""

    def __str__(self) -> str:
        origin = f"  [{self.source}]" if self.source else ""
        text = f"{self.path}: {self.problem}{origin}"
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class RecipeError(UpsError):
    """All mistakes of a recipe, found at once."""

    exit_code = 2

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class SpecError(UpsError):
    """A component's own field is wrong for the problem that it is built for.

    Raised inside `build`; the engine adds the path of the component and gathers the mistakes of all components. `field`
    is one of the component's own, or `latent.tokens` or `latent.width` where the latent size is what does not fit.
    """

    exit_code = 2

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class PluginError(UpsError):
    """A component that cannot be found, is ambiguous, or breaks the rules of its kind."""


class DataError(UpsError):
    """A data file that is missing, truncated or not in the layout it should have."""


class RunError(UpsError):
    """A run folder or checkpoint that cannot be used, or a run that had to stop."""
