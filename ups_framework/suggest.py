"""The nearest right name, for error messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` with up to three near names, or nothing where none is near."""
    near = get_close_matches(word, sorted(set(known)), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(repr(name) for name in near)}?)" if near else ""


def listed(names: Iterable[str]) -> str:
    """The names in quotes, separated by commas; `none` where there are none."""
    return ", ".join(repr(name) for name in names) or "none"
