"""Tokens become fewer and as many again: nothing moves, and an odd one out has a neighbour or stays alone."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from tests.builtin.operators import X
from ups_framework.api import Axis, Grid, Latent, SpecError
from ups_framework.builtin.token_merging import Merge, Unmerge, merged, merging

WALLED = Axis(name="y", upper=0.5, boundary="neumann")
SHAPES = [
    ((X,), (8,)),
    ((X,), (7,)),
    ((WALLED,), (7,)),
    ((X, WALLED), (5, 3)),
    ((WALLED, X), (4, 1)),
    ((X,) * 3, (3,) * 3),
]


def latent_on(axes: Sequence[Axis], shape: tuple[int, ...]) -> Latent:
    """Tokens that say where they are."""
    places = Grid(axes=tuple(axes), shape=shape, offset=(0.5,) * len(shape)).points()
    return Latent(tokens=places[None], positions=places, grid=shape)


def mean_of_groups(merge: Merge, width: int) -> None:
    """Weights with which a token becomes the mean of those that it was made of."""
    with torch.no_grad():
        merge.linear.bias.zero_()
        volume = merge.linear.in_features // width
        merge.linear.weight.copy_(torch.eye(width).repeat_interleave(volume, dim=1) / volume)


def copy_to_group(unmerge: Unmerge, width: int) -> None:
    """Weights with which all tokens of a group are what their merged token is."""
    with torch.no_grad():
        unmerge.linear.bias.zero_()
        unmerge.linear.weight.copy_(torch.eye(width).repeat(unmerge.linear.out_features // width, 1))


@pytest.mark.parametrize(("axes", "shape"), SHAPES)
def test_each_merged_token_lies_in_the_middle_of_those_it_is_made_of(
    axes: tuple[Axis, ...], shape: tuple[int, ...]
) -> None:
    """But for the wrap round a periodic axis, of which a mean of coordinates knows nothing."""
    dims = len(axes)
    latent, merge = latent_on(axes, shape), Merge(axes, merging(shape), dims, dims)
    mean_of_groups(merge, dims)
    coarse = merge(latent)
    assert coarse.grid == merged(shape, merging(shape))
    assert coarse.tokens.shape == (1, math.prod(coarse.grid), dims)
    for axis, (kind, n) in enumerate(zip(axes, shape, strict=True)):
        places, means = (each[..., axis].unflatten(-1, coarse.grid) for each in (coarse.positions, coarse.tokens[0]))
        if kind.periodic and n % 2 and n > 1:
            last = places.select(axis, -1)
            torch.testing.assert_close(last, torch.full_like(last, kind.upper))  # half-way from the last to the first
            places, means = (each.narrow(axis, 0, n // 2) for each in (places, means))
        torch.testing.assert_close(means, places)


@pytest.mark.parametrize(("axes", "shape"), SHAPES)
def test_what_is_merged_and_unmerged_is_where_it_was(axes: tuple[Axis, ...], shape: tuple[int, ...]) -> None:
    dims, size = len(axes), merging(shape)
    latent, merge, unmerge = latent_on(axes, shape), Merge(axes, size, dims, dims), Unmerge(size, dims, dims)
    mean_of_groups(merge, dims)
    copy_to_group(unmerge, dims)
    expected = latent.tokens.unflatten(1, shape)
    for axis, (kind, n) in enumerate(zip(axes, shape, strict=True)):
        lines = expected.movedim(1 + axis, -1)
        expected = torch.stack([_group_mean(lines, i, n, kind.periodic) for i in range(n)], dim=1 + axis)
    torch.testing.assert_close(unmerge(merge(latent), shape).unflatten(1, shape), expected)


def _group_mean(lines: Tensor, index: int, count: int, periodic: bool) -> Tensor:
    """The mean of the pair that a token of a line belongs to."""
    if count == 1:
        return lines[..., 0]
    first = index - index % 2
    second = first + 1 if first + 1 < count else 0 if periodic else first
    return (lines[..., first] + lines[..., second]) / 2


def test_tokens_without_a_grid_are_refused_with_the_reason() -> None:
    latent = latent_on((X,), (8,))
    with pytest.raises(SpecError, match="the encoder's tokens form no grid"):
        Merge((X,), (2,), 1, 1)(Latent(tokens=latent.tokens, positions=latent.positions))
