"""Schedules are functions of the step: their values can be written down."""

import math

import pytest

from ups_framework.engine.schedules import audit_due, ema_decay, learning_rate, ramp, unrolled_frames
from ups_framework.recipe.recipe import Optimizer, Stage


def stage(**settings: float) -> Stage:
    return Stage(steps=100, trains=("operator",), losses=("prediction",), **settings)  # type: ignore[arg-type]  # numbers


def test_the_rate_grows_linearly_over_the_warm_up_and_is_highest_right_after_it() -> None:
    optimizer = Optimizer(learning_rate=2.0, warmup=0.1)
    rates = [learning_rate(optimizer, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([2.0 * (step + 1) / 11 for step in range(10)])
    assert rates[10] == 2.0 == max(rates)


def test_the_rate_falls_as_a_cosine_to_exactly_the_final_one() -> None:
    optimizer = Optimizer(learning_rate=2.0, warmup=0.0, final=0.25)
    rates = [learning_rate(optimizer, step, 101) for step in range(101)]
    assert rates == pytest.approx([2.0 * (0.625 + 0.375 * math.cos(math.pi * step / 100)) for step in range(101)])
    assert rates[100] == 0.5
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.5, 1.0])
def test_the_rate_of_a_short_stage_is_positive_and_at_most_the_highest(steps: int, warmup: float) -> None:
    rates = [learning_rate(Optimizer(learning_rate=2.0, warmup=warmup), step, steps) for step in range(steps)]
    assert all(0.0 < rate <= 2.0 for rate in rates)


def test_a_ramp_grows_linearly_from_zero_to_one() -> None:
    assert [ramp(0.4, step, 10) for step in range(10)] == [0.0, 0.25, 0.5, 0.75, *[1.0] * 6]


def test_no_ramp_is_one_from_the_start() -> None:
    assert [ramp(0.0, step, 10) for step in range(10)] == [1.0] * 10


def test_frames_are_single_over_the_curriculum_and_then_come_evenly() -> None:
    frames = [unrolled_frames(stage(unroll=4, curriculum=0.4), step) for step in range(100)]
    assert frames == [1] * 40 + [2] * 20 + [3] * 20 + [4] * 20


def test_without_a_curriculum_all_numbers_of_frames_last_equally_long() -> None:
    frames = [unrolled_frames(stage(unroll=4), step) for step in range(100)]
    assert frames == [1] * 25 + [2] * 25 + [3] * 25 + [4] * 25


@pytest.mark.parametrize("curriculum", [0.0, 0.1, 0.33, 0.6, 0.9])
@pytest.mark.parametrize("unroll", [2, 3, 5])
def test_frames_never_become_fewer_and_reach_the_unrolled_ones(curriculum: float, unroll: int) -> None:
    frames = [unrolled_frames(stage(unroll=unroll, curriculum=curriculum), step) for step in range(100)]
    assert frames == sorted(frames)
    assert (frames[0], frames[-1]) == (1, unroll)


@pytest.mark.parametrize("unroll", [0, 1])
def test_none_or_one_frame_stays_so(unroll: int) -> None:
    assert {unrolled_frames(stage(unroll=unroll, curriculum=0.5), step) for step in range(100)} == {unroll}


def test_the_decay_of_the_average_is_short_at_first_and_never_above_the_recipe_s() -> None:
    assert [ema_decay(0.99, step) for step in (0, 1, 90)] == [0.1, 2 / 11, 0.91]
    assert ema_decay(0.99, 890) == ema_decay(0.99, 10_000) == 0.99
    assert ema_decay(0.0, 50) == 0.0


def test_audits_come_often_while_a_stage_is_young() -> None:
    assert [step for step in range(65) if audit_due(32, step)] == [0, 2, 4, 8, 16, 32, 64]
