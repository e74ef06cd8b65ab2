"""How mistakes travel: each level of a recipe gathers those of the levels below and puts its own key before them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen
class Flaw:
    """One wrong value."""

    path: tuple[str, ...]
    """Where it is, seen from the value that is being read."""

    problem: str
    """What was found and what was expected."""

    def below(self, *keys: str) -> "Flaw":
        """The same, seen from further up."""
        return Flaw((*keys, *self.path), self.problem)


class FlawError(Exception):
    """A value that cannot be read, with all that is wrong with it and inside it. Never leaves this package."""

    def __init__(self, *flaws: Flaw) -> None:
        self.flaws = flaws
        super().__init__(*flaws)


def wrong(problem: str, *path: str) -> FlawError:
    """A single mistake."""
    return FlawError(Flaw(path, problem))


def attempt(parts: Mapping[str, Callable[[], T]]) -> tuple[dict[str, T], list[Flaw]]:
    """Every part that can be read, by key, and all mistakes of the others."""
    values: dict[str, T] = {}
    flaws: list[Flaw] = []
    for key, part in parts.items():
        try:
            values[key] = part()
        except FlawError as error:
            flaws += [flaw.below(key) for flaw in error.flaws]
    return values, flaws


def attempt_all(parts: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """Every part, by key. Raises FlawError with the mistakes of all."""
    values, flaws = attempt(parts)
    if flaws:
        raise FlawError(*flaws)
    return values
