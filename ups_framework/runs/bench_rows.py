"""What a comparison of variants holds: figures over seeds, and what is said of them."""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev

from attrs import frozen

from ups_framework.runs.bench_figures import MORE_IS_BETTER
from ups_framework.runs.bench_statistics import Judged, Values

STATED_TEST = (
    "verdicts: a paired t-test over seeds, two-sided at 5 %, Holm's correction over the variants of a figure; "
    f"less is better (more: {', '.join(sorted(MORE_IS_BETTER))})"
)


@frozen(kw_only=True)
class Row:
    """One variant."""

    label: str
    """What it is called."""

    folders: tuple[Path, ...]
    """Its runs, a seed each."""

    failures: tuple[str, ...]
    """Why runs of it failed."""

    values: Mapping[str, Values]
    """Each figure for each seed; None where the run failed, or where the recipe has no such metric."""

    judged: Mapping[str, Judged]
    """Each figure beside the first variant's; nothing in the first variant's own row."""

    def mean(self, figure: str) -> float | None:
        """Mean over seeds, None if a number is missing."""
        numbers = self.numbers(figure)
        return fmean(numbers) if numbers else None

    def sd(self, figure: str) -> float | None:
        """Standard deviation over seeds (divided by n − 1), None if a number is missing or there is one seed."""
        numbers = self.numbers(figure)
        return stdev(numbers) if len(numbers) > 1 else None

    def numbers(self, figure: str) -> list[float]:
        """The values of all seeds, or none if one is missing."""
        values = self.values[figure]
        numbers = [value for value in values if value is not None]
        return numbers if len(numbers) == len(values) else []


@frozen(kw_only=True)
class Comparison:
    """What a bench found."""

    seeds: tuple[int, ...]
    """Seeds of every variant."""

    figures: tuple[str, ...]
    """Names of all figures."""

    rows: tuple[Row, ...]
    """Variants; the first is what others are held to."""

    same_weights: tuple[tuple[str, str], ...]
    """Pairs of variants whose recipes differ, but whose simulators end the same to the last bit for every seed."""

    def row(self, label: str) -> Row:
        """The row of a variant."""
        return next(row for row in self.rows if row.label == label)
