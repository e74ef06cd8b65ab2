"""Chance as a function of seed and purpose."""

import subprocess
import sys

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ups_framework.numerics.random import derived_seed, generator

PURPOSES = st.lists(st.one_of(st.integers(), st.text(st.characters(codec="utf-8", min_codepoint=32))), max_size=3)


def draw(source: torch.Generator) -> list[float]:
    return torch.rand(4, generator=source).tolist()


def test_the_same_purpose_gives_the_same_numbers_whatever_was_drawn_before() -> None:
    first = draw(generator(3, "sampler", 17))
    draw(generator(3, "windows", 17))
    torch.rand(5)
    assert draw(generator(3, "sampler", 17)) == first


def test_another_seed_name_or_step_gives_other_numbers() -> None:
    draws = [draw(generator(*key)) for key in ((3, "a", 1), (4, "a", 1), (3, "b", 1), (3, "a", 2), (3, "a", 1, 0))]
    assert len({tuple(numbers) for numbers in draws}) == len(draws)


@settings(deadline=None)
@given(seed=st.integers(0, 2**40), one=PURPOSES, other=PURPOSES)
def test_purposes_that_differ_have_seeds_that_differ(seed: int, one: list[str | int], other: list[str | int]) -> None:
    same = [str(part) for part in one] == [str(part) for part in other]
    assert (derived_seed(seed, *one) == derived_seed(seed, *other)) == same
    assert 0 <= derived_seed(seed, *one) < 2**63


def test_where_one_part_ends_and_the_next_begins_matters() -> None:
    assert derived_seed(1, "step", 23) != derived_seed(1, "step2", 3) != derived_seed(12, "step", 3)


def test_another_process_gets_the_same_numbers() -> None:
    code = "from ups_framework.numerics.random import derived_seed; print(derived_seed(3, 'sampler', 17))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(found) == derived_seed(3, "sampler", 17)


def test_the_global_generator_is_neither_read_nor_moved() -> None:
    before = torch.random.get_rng_state()
    draw(generator(0, "weights"))
    assert torch.equal(torch.random.get_rng_state(), before)
