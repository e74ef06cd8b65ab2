"""Whether figures differ by more than chance: Student's t on pairs, and Holm's correction for several comparisons."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Literal

from attrs import frozen

LEVEL = 0.05
"""How often chance alone may be called a difference, over all comparisons of one figure."""

LEAST_SEEDS = 3
"""With fewer pairs there is no verdict."""

Verdict = Literal["better", "worse", "within noise", "needs 3 seeds", "no number"]
"""What is said of a figure; `no number` where a run failed, or has none that is finite."""

Values = Sequence[float | None]
"""A figure for each seed."""


@frozen(kw_only=True)
class Judged:
    """One figure of one variant beside the first one's, seed by seed."""

    difference: float | None
    """Mean over seeds of the variant's less the first one's."""

    p: float | None
    """Probability of a difference this large or larger by chance, two-sided, after Holm's correction."""

    verdict: Verdict
    """`better` or `worse` where p < 5 %."""


def judged(first: Values, others: Sequence[Values], *, more_is_better: bool = False) -> list[Judged]:
    """A paired t-test, two-sided at 5 %, of each of `others` against `first`, with Holm's correction over `others`.

    Pairs are values of the same seed: the same data, and the same draws wherever the recipes are alike. Each series has
    one value a seed.
    """
    pairs = [_differences(first, other) for other in others]
    testable = [index for index, found in enumerate(pairs) if found is not None and len(found) >= LEAST_SEEDS]
    corrected = holm([paired_p(pairs[index] or ()) for index in testable])
    p_values = dict(zip(testable, corrected, strict=True))
    return [_judged(found, p_values.get(index), more_is_better) for index, found in enumerate(pairs)]


def _differences(first: Values, other: Values) -> list[float] | None:
    """Other less first, None where a number is missing."""
    pairs = [(a, b) for a, b in zip(first, other, strict=True) if a is not None and b is not None]
    return [b - a for a, b in pairs] if len(pairs) == len(first) else None


def _judged(differences: list[float] | None, p: float | None, more_is_better: bool) -> Judged:
    if differences is None:
        return Judged(difference=None, p=None, verdict="no number")
    mean = fmean(differences)
    if p is None:
        return Judged(difference=mean, p=None, verdict="needs 3 seeds")
    if p >= LEVEL:
        return Judged(difference=mean, p=p, verdict="within noise")
    return Judged(difference=mean, p=p, verdict="better" if (mean > 0) == more_is_better else "worse")


def paired_p(differences: Sequence[float]) -> float:
    """P(|T| ≥ |t|) with t = mean / (sd / √n) and n − 1 degrees of freedom; 1 where all differences are 0."""
    mean, sd = fmean(differences), stdev(differences)
    if mean == 0.0 or sd == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return two_sided_p(mean / (sd / math.sqrt(len(differences))), len(differences) - 1)


def two_sided_p(t: float, degrees: int) -> float:
    """P(|T| ≥ |t|) of Student's t with a whole number ν of degrees of freedom, in closed form.

    With θ = atan(|t| / √ν), for even ν: 1 − sin θ (1 + 1/2 cos² θ + (1·3)/(2·4) cos⁴ θ + …), for odd ν:
    1 − 2/π (θ + sin θ (cos θ + 2/3 cos³ θ + (2·4)/(3·5) cos⁵ θ + …)), in each up to the power ν − 2. The result is
    exact up to 1e-15, so that smaller values are noise. Reference: Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.
    """
    theta = math.atan(abs(t) / math.sqrt(degrees))
    odd = degrees % 2
    term, total = (math.cos(theta) if odd else 1.0), 0.0
    for power in range(odd, degrees - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * math.cos(theta) ** 2
    inside = math.sin(theta) * total
    return max(0.0, 1.0 - (2.0 / math.pi * (theta + inside) if odd else inside))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected so that the chance of any false alarm among all of them stays below the level.

    The k-th smallest of m is multiplied by m − k + 1, and none falls below a smaller one's. Reference: Holm (1979).
    """
    corrected, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected
