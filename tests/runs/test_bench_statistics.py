"""Verdicts are those of the stated test: tabulated quantiles, Holm by hand, and as many false alarms as 5 % says."""

import random
from statistics import fmean

import pytest

from ups_framework.runs.bench_statistics import Judged, holm, judged, paired_p, two_sided_p

TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 30: 2.042}
"""t with 5 % of the two-sided probability beyond it, by degrees of freedom."""


@pytest.mark.parametrize(("degrees", "t"), TABLE.items())
def test_five_percent_lie_beyond_the_tabulated_quantile(degrees: int, t: float) -> None:
    assert two_sided_p(t, degrees) == pytest.approx(0.05, abs=5e-5)
    assert two_sided_p(-t, degrees) == two_sided_p(t, degrees)


@pytest.mark.parametrize(("degrees", "t"), {1: 63.657, 2: 9.925, 4: 4.604, 10: 3.169}.items())
def test_one_percent_lies_beyond_the_tabulated_quantile(degrees: int, t: float) -> None:
    assert two_sided_p(t, degrees) == pytest.approx(0.01, abs=5e-5)


def test_all_of_the_probability_lies_beyond_zero_and_none_beyond_infinity() -> None:
    for degrees in range(1, 12):
        assert two_sided_p(0.0, degrees) == 1.0
        assert 0.0 <= two_sided_p(1e12, degrees) < 1e-11


def test_a_paired_t_by_hand() -> None:
    assert paired_p([1.0, 2.0, 3.0]) == pytest.approx(two_sided_p(2.0 / (1.0 / 3**0.5), 2))  # mean 2, sd 1


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_an_identical_pair_is_within_noise() -> None:
    values = [0.1, 0.3, 0.2]
    assert judged(values, [values]) == [Judged(difference=0.0, p=1.0, verdict="within noise")]


def test_lower_is_better_and_a_constant_shift_is_certain() -> None:
    down, up = judged([1.0, 2.0, 4.0], [[0.5, 1.5, 3.5], [1.5, 2.5, 4.5]])
    assert (down.verdict, up.verdict) == ("better", "worse")
    assert (down.difference, up.difference) == (-0.5, 0.5)


def test_of_some_figures_more_is_better() -> None:
    down, up = judged([1.0, 2.0, 4.0], [[0.5, 1.5, 3.5], [1.5, 2.5, 4.5]], more_is_better=True)
    assert (down.verdict, up.verdict) == ("worse", "better")


def test_pairs_see_what_means_do_not() -> None:
    """Seeds differ by 1, variants by 0.1: side by side as pairs the difference is certain."""
    first = [1.0, 2.0, 3.0]
    (found,) = judged(first, [[1.1, 2.101, 3.099]])
    assert found.verdict == "worse"


def test_less_than_three_seeds_have_no_verdict_but_a_difference() -> None:
    (found,) = judged([1.0, 2.0], [[2.0, 3.0]])
    assert found == Judged(difference=1.0, p=None, verdict="needs 3 seeds")


def test_a_missing_number_is_said_and_takes_no_part_in_the_correction() -> None:
    values = [1.0, 2.0, 3.0]
    near = [1.1, 2.15, 3.12]
    (alone,) = judged(values, [near])
    missing, beside = judged(values, [[1.0, None, 3.0], near])
    assert missing == Judged(difference=None, p=None, verdict="no number")
    assert beside == alone


@pytest.mark.parametrize("num_variants", [1, 4])
@pytest.mark.parametrize("num_seeds", [3, 5])
def test_chance_alone_is_called_a_difference_in_at_most_five_percent_of_benches(
    num_variants: int, num_seeds: int
) -> None:
    chance = random.Random(num_variants)
    draw = [[[chance.gauss(0, 1) for _ in range(num_seeds)] for _ in range(num_variants + 1)] for _ in range(2000)]
    alarms = [any(found.verdict != "within noise" for found in judged(first, others)) for first, *others in draw]
    share = fmean(alarms)
    print(f"{num_variants} variants, {num_seeds} seeds: {share:.1%} false alarms")
    assert share < 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
    assert num_variants > 1 or share > 0.05 - 3 * (0.05 * 0.95 / 2000) ** 0.5
