"""Products of rotated queries and keys know distances, and nothing else."""

import math

import pytest
import torch
from torch import Tensor

from ups_framework.api import Axis, Field, Grid, Problem, SpecError
from ups_framework.builtin.rotary import Rotary

PERIODIC = Axis(name="x", lower=-1.0, upper=2.0)
WALLED = Axis(name="y", upper=0.5, boundary="neumann")


def rotary(*axes: Axis, width: int = 24, tokens: int = 64) -> Rotary:
    grid = Grid(axes=axes, shape=(8,) * len(axes), offset=(0.5,) * len(axes))
    return Rotary(Problem(name="any", fields=(Field(name="u"),), grid=grid, dt=1.0), width, tokens)


def products(encoding: Rotary, query_at: Tensor, key_at: Tensor) -> Tensor:
    """Products of the same query and key, at all places of one against all of the other."""
    query, key = torch.randn(2, 1, 1, 1, 24, generator=torch.Generator().manual_seed(0))
    rotated = [
        Rotary.rotate(vector.expand(-1, -1, len(places), -1), encoding.angles(places))
        for vector, places in ((query, query_at), (key, key_at))
    ]
    return (rotated[0] @ rotated[1].transpose(-1, -2))[0, 0]


def somewhere(count: int, dims: int, seed: int) -> Tensor:
    return torch.rand(count, dims, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("axes", [(PERIODIC,), (WALLED,), (PERIODIC, WALLED), (PERIODIC, WALLED, PERIODIC)])
def test_moving_queries_and_keys_alike_changes_no_product(axes: tuple[Axis, ...]) -> None:
    encoding, dims = rotary(*axes), len(axes)
    queries, keys, move = somewhere(5, dims, 1), somewhere(7, dims, 2), somewhere(1, dims, 3)
    here = products(encoding, queries, keys)
    torch.testing.assert_close(products(encoding, queries + move, keys + move), here, rtol=0, atol=1e-3)
    assert (products(encoding, queries + move, keys) - here).abs().max() > 0.1


def test_a_point_and_its_image_one_period_away_are_the_same_point() -> None:
    encoding = rotary(PERIODIC, WALLED)
    queries, keys = somewhere(5, 2, 1), somewhere(7, 2, 2)
    image = keys + torch.tensor([PERIODIC.length, 0.0])
    torch.testing.assert_close(products(encoding, queries, image), products(encoding, queries, keys), rtol=0, atol=1e-3)


def test_frequencies_of_a_periodic_axis_are_whole_waves_up_to_two_tokens_a_wave() -> None:
    waves = rotary(PERIODIC, tokens=64).frequencies[0] * PERIODIC.length / (2 * math.pi)
    torch.testing.assert_close(waves, waves.round())
    assert (waves[0].item(), waves[-1].item()) == pytest.approx((1.0, 32.0))
    assert (waves.diff() >= 0).all()


def test_the_two_walls_of_an_axis_are_not_the_same_place() -> None:
    encoding = rotary(WALLED)
    ends = torch.tensor([[0.0], [WALLED.length]])
    table = products(encoding, ends, ends)
    assert (table[0, 0] - table[0, 1]).abs() > 0.1


def test_each_axis_is_rotated_by_its_own_coordinate() -> None:
    encoding = rotary(PERIODIC, WALLED)
    along_x, along_y = (encoding.angles(torch.tensor([place])) for place in ([0.1, 0.0], [0.0, 0.1]))
    assert (along_x != 0).tolist() == [[True] * 6 + [False] * 6]
    assert (along_y != 0).tolist() == [[False] * 6 + [True] * 6]


def test_a_rotation_leaves_the_norm() -> None:
    values = torch.randn(2, 3, 5, 24, generator=torch.Generator().manual_seed(0))
    rotated = Rotary.rotate(values, rotary(PERIODIC, WALLED).angles(somewhere(5, 2, 1)))
    torch.testing.assert_close(rotated.norm(dim=-1), values.norm(dim=-1))


def test_one_token_has_the_longest_wave_only() -> None:
    encoding = rotary(PERIODIC, tokens=1)
    assert (encoding.frequencies - 2 * math.pi / PERIODIC.length).abs().max() < 1e-6


def test_channels_that_do_not_divide_are_refused_as_the_heads_mistake() -> None:
    with pytest.raises(SpecError, match=r"^heads: channels per head \(16\) do not divide by 2 × 3 axes"):
        rotary(PERIODIC, PERIODIC, PERIODIC, width=16)
