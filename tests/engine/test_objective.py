"""Weights, shares and ramps are applied in one place, and what the terms give is recorded as it is."""

from typing import TYPE_CHECKING

import pytest
from ups_latent_reg.norm import LatentNorm

from ups_framework.builtin.losses import RelativeL2
from ups_framework.engine.objective import Objective
from ups_framework.recipe.recipe import WeightedTerm

if TYPE_CHECKING:
    from tests.engine.conftest import Train


def objective(**settings: WeightedTerm) -> Objective:
    return Objective(terms={}, settings=settings)


def weighted(**settings: float) -> WeightedTerm:
    return WeightedTerm(loss=RelativeL2(), **settings)


NORMS = {"a": 2.0, "b": 0.5, "c": 40.0, "d": 1e-3}


def test_terms_with_a_share_get_exactly_that_share_of_the_sum_of_gradient_norms() -> None:
    terms = objective(a=weighted(), b=weighted(weight=3.0), c=weighted(share=0.05), d=weighted(share=0.3))
    weights = terms.rebalanced(terms.initial_weights(), NORMS)
    total = sum(weights[name] * NORMS[name] for name in NORMS)
    assert weights["c"] * NORMS["c"] / total == pytest.approx(0.05, rel=1e-12)
    assert weights["d"] * NORMS["d"] / total == pytest.approx(0.3, rel=1e-12)


def test_terms_with_a_weight_keep_it_whatever_is_measured() -> None:
    terms = objective(a=weighted(), b=weighted(weight=3.0), c=weighted(share=0.05))
    weights = terms.rebalanced(terms.initial_weights(), NORMS)
    assert (weights["a"], weights["b"]) == (1.0, 3.0)


def test_a_later_measurement_goes_half_of_the_way_in_the_logarithm() -> None:
    terms = objective(a=weighted(), c=weighted(share=0.5))
    first = terms.rebalanced(terms.initial_weights(), {"a": 1.0, "c": 1.0})
    second = terms.rebalanced(first, {"a": 1.0, "c": 1 / 16})
    assert [first["c"], second["c"]] == pytest.approx([1.0, 4.0])


def test_a_term_whose_gradient_is_zero_in_one_batch_keeps_its_weight() -> None:
    terms = objective(a=weighted(), c=weighted(share=0.5))
    assert terms.rebalanced({"a": 1.0, "c": 7.0}, {"a": 1.0, "c": 0.0})["c"] == 7.0


def test_the_factor_of_a_term_is_its_weight_times_its_ramp() -> None:
    terms = objective(a=weighted(), b=weighted(weight=3.0, ramp=0.5))
    assert terms.ramped({"a": 1.0, "b": 3.0}, 0, 20) == [1.0, 0.0]
    assert terms.ramped({"a": 1.0, "b": 3.0}, 5, 20) == [1.0, 1.5]
    assert terms.ramped({"a": 1.0, "b": 3.0}, 10, 20) == [1.0, 3.0]


def test_a_changed_weight_changes_what_is_weighted_and_not_what_is_raw(train: "Train") -> None:
    settings = ("training.log_every=1", "stages.operator.steps=1", "stages.autoencode.steps=0")
    (_, _, one), (_, _, ten) = (
        train(*settings, terms={"norm": f'use = "latent_norm", weight = {weight}'}).log.trained_at[0]
        for weight in (1.0, 10.0)
    )
    assert one.raw == ten.raw
    assert one.raw["norm"] == one.weighted["norm"]
    assert ten.weighted["norm"] == pytest.approx(10 * ten.raw["norm"], rel=1e-6)
    assert one.weighted["prediction"] == ten.weighted["prediction"]
    assert ten.loss == pytest.approx(sum(ten.weighted.values()))


def test_a_ramp_is_seen_in_the_weighted_values_of_the_run(train: "Train") -> None:
    records = train(
        "training.log_every=1",
        "stages.autoencode.steps=0",
        terms={"norm": 'use = "latent_norm", weight = 2.0, ramp = 0.5'},
    ).log.trained_at
    factors = [record.weighted["norm"] / record.raw["norm"] for _, _, record in records]
    assert factors == pytest.approx([2 * min(1.0, step / 6) for step in range(12)], rel=1e-5, abs=1e-9)


def test_a_term_has_a_weight_or_a_share_and_not_both() -> None:
    with pytest.raises(ValueError, match="either 'weight' or 'share'"):
        WeightedTerm(loss=LatentNorm(), weight=1.0, share=0.5)
