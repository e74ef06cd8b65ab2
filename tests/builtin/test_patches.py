"""Grids divide into equal patches, as near to cubes as they allow."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ups_framework.api import Axis, Field, Grid, LatentSize, Problem, SpecError
from ups_framework.builtin.patches import Patches, divide


def divided(shape: tuple[int, ...], tokens: int, upper: tuple[float, ...] = (), offset: float = 0.5) -> Patches:
    lengths = upper or (1.0,) * len(shape)
    axes = tuple(Axis(name=name, upper=length) for name, length in zip("xyz", lengths, strict=False))
    grid = Grid(axes=axes, shape=shape, offset=(offset,) * len(shape))
    problem = Problem(name="any", fields=(Field(name="u"),), grid=grid, dt=1.0)
    return divide(problem, LatentSize(tokens=tokens, width=1))


@pytest.mark.parametrize(
    ("shape", "tokens", "upper", "expected"),
    [
        ((256,), 128, (1.0,), (128,)),
        ((64, 64), 64, (1.0, 1.0), (8, 8)),
        ((64, 64), 64, (4.0, 1.0), (16, 4)),  # patches are square in space, not in points
        ((64, 32), 32, (1.0, 1.0), (8, 4)),  # 4 x 8 is as square, and as good
        ((16, 16, 16), 64, (1.0, 1.0, 1.0), (4, 4, 4)),
        ((6, 10), 15, (1.0, 1.0), (3, 5)),
        ((12,), 1, (1.0,), (1,)),
    ],
)
def test_patches_are_as_near_to_cubes_as_can_be(
    shape: tuple[int, ...], tokens: int, upper: tuple[float, ...], expected: tuple[int, ...]
) -> None:
    found = divided(shape, tokens, upper)
    sides = sorted(length / t for length, t in zip(upper, found.tokens, strict=True))
    wanted = sorted(length / t for length, t in zip(upper, expected, strict=True))
    assert sides == wanted


@settings(deadline=None)
@given(size=st.lists(st.integers(1, 6), min_size=1, max_size=3), data=st.data(), offset=st.floats(0, 0.99))
def test_patches_tile_the_grid_and_each_token_sits_in_the_middle_of_its_points(
    size: list[int], data: st.DataObject, offset: float
) -> None:
    counts = [data.draw(st.integers(1, 4)) for _ in size]
    shape = tuple(n * p for n, p in zip(counts, size, strict=True))
    patches = divided(shape, math.prod(counts), offset=offset)
    assert math.prod(patches.tokens) == math.prod(counts)
    assert tuple(t * p for t, p in zip(patches.tokens, patches.size, strict=True)) == shape
    assert patches.volume * math.prod(patches.tokens) == math.prod(shape)
    for axis, (t, p) in enumerate(zip(patches.tokens, patches.size, strict=True)):
        x = (torch.arange(t * p, dtype=torch.float64) + offset) / (t * p)
        torch.testing.assert_close(patches.grid.coordinates(axis), x.reshape(t, p).mean(1))


def test_a_number_of_tokens_that_does_not_fit_is_answered_with_those_that_do() -> None:
    message = r"^latent.tokens: the grid of 256 points does not divide into 100 .*nearest that do: 32, 64, 128, 256\)$"
    with pytest.raises(SpecError, match=message):
        divided((256,), 100)
    with pytest.raises(SpecError, match=r"grid of 8 × 8 points does not divide into 3 .*nearest that do: 1, 2, 4, 8\)"):
        divided((8, 8), 3)
