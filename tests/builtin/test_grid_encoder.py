"""Tokens follow the field: where it moves, what reaches them, and that nothing is lost on the way."""

import math

import pytest
import torch
from torch import Tensor, nn

from ups_framework.api import Axis, Boundary, Field, Grid, Latent, LatentSize, Parameter, Problem, SpecError
from ups_framework.builtin.any_point_decoder import AnyPointDecoder
from ups_framework.builtin.grid_encoder import GridEncoder
from ups_framework.numerics.random import derived_seed

P: Boundary = "periodic"
D: Boundary = "dirichlet"
N: Boundary = "neumann"
VISCOSITY = Parameter(name="viscosity", low=0.001, high=0.1, scale="log")


def problem_on(*shape: int, boundaries: tuple[Boundary, ...] = (), parameters: tuple[Parameter, ...] = ()) -> Problem:
    """Two fields on a grid over axes of length 1, periodic unless it says otherwise."""
    kinds = boundaries or (P,) * len(shape)
    axes = tuple(Axis(name=name, boundary=kind) for name, kind in zip("xyz", kinds, strict=False))
    grid = Grid(axes=axes, shape=shape, offset=(0.5,) * len(shape))
    return Problem(name="any", fields=(Field(name="u"), Field(name="v")), grid=grid, dt=1.0, parameters=parameters)


def encoder_for(problem: Problem, tokens: int, width: int = 6, **settings: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(0, "weights"))
        return GridEncoder(**{"channels": 8, **settings}).build(problem, LatentSize(tokens=tokens, width=width))


def encode(encoder: nn.Module, problem: Problem, values: Tensor, parameters: Tensor | None = None) -> Latent:
    if parameters is None:
        parameters = torch.zeros(len(values), len(problem.parameters))
    latent = encoder(values, problem.grid.points(), parameters)
    assert isinstance(latent, Latent)
    return latent


def noise(problem: Problem, batch: int = 2) -> Tensor:
    shape = (batch, problem.grid.num_points, problem.num_channels)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def rolled(values: Tensor, shape: tuple[int, ...], by: tuple[int, ...]) -> Tensor:
    """Flattened values on a grid, moved along each axis."""
    dims = tuple(range(1, 1 + len(shape)))
    return torch.unflatten(values, 1, shape).roll(by, dims).flatten(1, len(shape))


ALL_BOUNDARIES = [
    ((64,), 8, (P,)),
    ((64,), 8, (D,)),
    ((16, 32), 8, (P, P)),
    ((16, 16), 16, (P, N)),
    ((16, 16), 16, (D, D)),
    ((8, 8, 8), 8, (P, P, P)),
    ((8, 16, 8), 16, (D, P, N)),
]


@pytest.mark.parametrize(("shape", "tokens", "boundaries"), ALL_BOUNDARIES)
def test_grids_of_any_dimension_and_boundary_become_tokens(
    shape: tuple[int, ...], tokens: int, boundaries: tuple[Boundary, ...]
) -> None:
    problem = problem_on(*shape, boundaries=boundaries)
    latent = encode(encoder_for(problem, tokens), problem, noise(problem))
    assert latent.tokens.shape == (2, tokens, 6)
    assert latent.tokens.isfinite().all()
    assert latent.grid is not None
    assert math.prod(latent.grid) == tokens
    assert latent.positions.shape == (tokens, len(shape))


@pytest.mark.parametrize(("shape", "tokens"), [((64,), 8), ((16, 32), 8), ((8, 8, 16), 16)])
def test_shifting_a_periodic_field_by_a_patch_shifts_the_tokens(shape: tuple[int, ...], tokens: int) -> None:
    problem = problem_on(*shape)
    encoder, values = encoder_for(problem, tokens), noise(problem)
    latent = encode(encoder, problem, values)
    assert latent.grid is not None
    for axis, (n, count) in enumerate(zip(shape, latent.grid, strict=True)):
        patch, one = ([0] * len(shape) for _ in range(2))
        patch[axis], one[axis] = n // count, 1
        moved = encode(encoder, problem, rolled(values, shape, tuple(patch))).tokens
        torch.testing.assert_close(moved, rolled(latent.tokens, latent.grid, tuple(one)), rtol=0, atol=1e-5)


def test_shifting_by_a_part_of_a_patch_makes_other_tokens() -> None:
    problem = problem_on(64)
    encoder, values = encoder_for(problem, 8), noise(problem)
    before, after = (encode(encoder, problem, rolled(values, (64,), (by,))).tokens for by in (0, 3))
    assert min((after - before.roll(k, dims=1)).abs().max() for k in range(8)) > 0.01


def reached(encoder: nn.Module, problem: Problem, point: int) -> list[int]:
    """Tokens that change with the field at one point."""
    values = noise(problem, batch=1)
    changed = values.clone()
    changed[0, point] += 1.0
    difference = encode(encoder, problem, changed).tokens - encode(encoder, problem, values).tokens
    return [token for token, moved in enumerate(difference[0].abs().amax(-1) > 0) if moved]


@pytest.mark.parametrize(
    ("point", "periodic", "walled"),
    [(28, [3], [3]), (24, [2, 3], [2, 3]), (31, [3, 4], [3, 4]), (0, [0, 7], [0]), (63, [0, 7], [7])],
)
def test_a_point_reaches_its_own_token_and_a_neighbour_across_the_border_or_the_periodic_end(
    point: int, periodic: list[int], walled: list[int]
) -> None:
    for boundary, expected in ((P, periodic), (D, walled)):
        problem = problem_on(64, boundaries=(boundary,))
        assert reached(encoder_for(problem, 8), problem, point) == expected


def test_in_the_plane_a_corner_reaches_four_tokens_round_the_periodic_axis_only() -> None:
    problem = problem_on(16, 16, boundaries=(P, N))
    encoder = encoder_for(problem, 4)
    assert reached(encoder, problem, 0) == [0, 2]
    assert reached(encoder, problem, 7 * 16 + 8) == [0, 1, 2, 3]
    assert reached(encoder, problem, 4 * 16 + 4) == [0]


def test_a_wider_kernel_sees_farther() -> None:
    problem = problem_on(64)
    assert reached(encoder_for(problem, 8, kernel=1), problem, 26) == [3]  # one point of reach, two from the border
    assert reached(encoder_for(problem, 8, kernel=5), problem, 26) == [2, 3]


def test_each_field_reaches_the_tokens() -> None:
    problem = problem_on(64)
    values = noise(problem).requires_grad_()
    encode(encoder_for(problem, 8), problem, values).tokens.square().sum().backward()
    assert values.grad is not None
    assert (values.grad.abs() > 0).all()


def test_the_parameters_move_every_token_alike() -> None:
    problem = problem_on(64, parameters=(VISCOSITY,))
    encoder, values = encoder_for(problem, 8), noise(problem)
    low, high = (encode(encoder, problem, values, torch.full((2, 1), scaled)).tokens for scaled in (-1.0, 1.0))
    move = high - low
    assert move.abs().amax(-1).min() > 0.01
    torch.testing.assert_close(move, move[:1, :1].expand_as(move), rtol=0, atol=1e-5)


def test_a_constant_field_has_equal_tokens_unless_there_are_walls() -> None:
    for boundaries, equal in (((P, P), True), ((P, N), False)):
        problem = problem_on(16, 16, boundaries=boundaries)
        tokens = encode(encoder_for(problem, 16), problem, torch.ones(1, 256, 2)).tokens.reshape(4, 4, 6)
        along_x, along_y = tokens - tokens[:1], tokens - tokens[:, :1]
        assert along_x.abs().max() < 1e-5
        assert (along_y.abs().max() < 1e-5) == equal


def test_tokens_sit_in_the_middle_of_their_patches() -> None:
    problem = problem_on(64)
    latent = encode(encoder_for(problem, 8), problem, noise(problem))
    torch.testing.assert_close(latent.positions[:, 0], (torch.arange(8) + 0.5) / 8)


def test_a_kernel_without_a_middle_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^kernel: 4 is even"):
        encoder_for(problem_on(64), 8, kernel=4)


def test_four_axes_are_refused() -> None:
    axes = tuple(Axis(name=name) for name in "wxyz")
    grid = Grid(axes=axes, shape=(4,) * 4, offset=(0.5,) * 4)
    problem = Problem(name="string", fields=(Field(name="u"),), grid=grid, dt=1.0)
    with pytest.raises(SpecError, match=r"^use: string has 4 axes; this encoder knows 1 to 3"):
        encoder_for(problem, 16)


def waves(problem: Problem, batch: int, seed: int) -> Tensor:
    """Two fields, each a sum of sines of 1 to 4 waves with random amplitudes and phases, normalised."""
    chance = torch.Generator().manual_seed(seed)
    amplitude, phase = torch.rand(2, batch, 1, 2, 4, generator=chance)
    k = torch.arange(1, 5)
    x = problem.grid.points()[:, :, None]
    return torch.sum(amplitude * torch.sin(2 * math.pi * (k * x + phase)), dim=-1) / 0.8


def trained() -> tuple[nn.Module, nn.Module, Problem]:
    """Encoder and decoder of 8 tokens × 24, trained as an auto-encoder for 250 steps."""
    problem = problem_on(64)
    encoder = encoder_for(problem, 8, width=24, channels=24)
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(0, "decoder"))
        decoder = AnyPointDecoder(channels=24, heads=2).build(problem, LatentSize(tokens=8, width=24))
    optimiser = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=6e-3, total_steps=250)
    for step in range(250):
        values = waves(problem, 32, seed=step)
        error = decoder(encode(encoder, problem, values), problem.grid.points(), None) - values
        optimiser.zero_grad()
        error.square().mean().backward()
        optimiser.step()
        schedule.step()
    return encoder, decoder, problem


def test_trained_for_seconds_decode_of_encode_is_the_field_and_the_latent_uses_its_width() -> None:
    encoder, decoder, problem = trained()
    values = waves(problem, 64, seed=10**6)
    with torch.no_grad():
        latent = encode(encoder, problem, values)
        error = (decoder(latent, problem.grid.points(), None) - values).norm() / values.norm()
    varying = (latent.tokens - latent.tokens.mean((0, 1))).flatten(0, 1)
    power = torch.linalg.svdvals(varying).square()
    rank = power.sum() ** 2 / power.square().sum()  # 1 if all tokens were multiples of one
    assert error < 0.05
    assert rank > 2
