"""Encoder and decoder `identity`: nothing is lost at the grid's points, and waves are exact between them."""

import math

import pytest
import torch
from torch import Tensor, nn
from ups_neural_operators.identity import IdentityDecoder, IdentityEncoder
from ups_neural_operators.interpolation import periodic_weights

from plugins.neural_operators.tests.networks import problem_of, size_of, smooth_fields
from ups_framework.api import Axis, Field, Grid, Latent, LatentSize, Problem, SpecError


def encoded(problem: Problem, fields: Tensor) -> Latent:
    encoder = IdentityEncoder().build(problem, size_of(problem))
    latent: Latent = encoder(fields, problem.grid.points(), torch.zeros(len(fields), 1))
    return latent


def decoder_of(problem: Problem) -> nn.Module:
    return IdentityDecoder().build(problem, size_of(problem))


def test_a_field_is_its_own_latent_and_its_own_decoding() -> None:
    problem = problem_of(8, 6)
    fields = smooth_fields(problem)
    latent = encoded(problem, fields)
    assert latent.tokens is fields
    assert latent.grid == (8, 6)
    some = torch.tensor([5, 0, 47])
    assert torch.equal(decoder_of(problem)(latent, latent.positions[some], some), fields[:, some])
    again = decoder_of(problem)(latent, problem.grid.points(), None)
    assert torch.allclose(again, fields, atol=1e-5)


@pytest.mark.parametrize("shape", [(16,), (15,), (16, 9)])
def test_waves_are_exact_between_the_points_of_periodic_axes(shape: tuple[int, ...]) -> None:
    """Up to the largest number of waves below half of the points."""
    problem = problem_of(*shape)
    most = torch.tensor([(n - 1) // 2 for n in shape], dtype=torch.float64)

    def wave(points: Tensor) -> Tensor:
        return (2 * math.pi * (points.double() @ most) + 0.7).sin()[None, :, None]

    points = torch.rand(50, len(shape), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    exact_points = torch.cartesian_prod(*(problem.grid.coordinates(axis) for axis in range(len(shape))))
    fields = wave(exact_points.reshape(-1, len(shape)))
    found = decoder_of(problem)(encoded(problem, fields), points, None)
    assert torch.allclose(found, wave(points), atol=1e-9)


def test_between_walls_cubic_polynomials_are_exact() -> None:
    problem = problem_of(10, boundary="dirichlet")
    x = problem.grid.coordinates(0)
    points = torch.linspace(0, 0.99, 30, dtype=torch.float64)[:, None]
    found = decoder_of(problem)(encoded(problem, (x**3 - x)[None, :, None]), points, None)
    assert torch.allclose(found[0], points**3 - points, atol=1e-9)


def test_a_periodic_axis_and_one_with_walls_each_have_their_own() -> None:
    axes = (Axis(name="x"), Axis(name="y", boundary="neumann", upper=2.0))
    grid = Grid(axes=axes, shape=(12, 7), offset=(0.5, 0.5))
    problem = Problem(name="mixed", fields=(Field(name="u"),), grid=grid, dt=1.0, parameters=())

    def function(points: Tensor) -> Tensor:
        return (2 * math.pi * 3 * points[:, 0]).cos() * points[:, 1] ** 2

    points = torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * torch.tensor([1, 2])
    places = torch.cartesian_prod(grid.coordinates(0), grid.coordinates(1))
    found = decoder_of(problem)(encoded(problem, function(places)[None, :, None]), points, None)
    assert torch.allclose(found[0, :, 0], function(points), atol=1e-9)


def test_many_points_are_taken_in_pieces_of_bounded_size() -> None:
    problem = problem_of(4, 1024)
    fields = smooth_fields(problem)
    points = torch.rand(1500, 2, generator=torch.Generator().manual_seed(0))
    latent, decoder = encoded(problem, fields), decoder_of(problem)
    assert torch.allclose(decoder(latent, points, None)[:, -5:], decoder(latent, points[-5:], None), atol=1e-5)


def test_weights_sum_to_one() -> None:
    for n in (7, 8):
        weights = periodic_weights(torch.linspace(-1, n, 23, dtype=torch.float64), n)
        assert torch.allclose(weights.sum(-1), torch.ones(23, dtype=torch.float64))


@pytest.mark.parametrize(
    ("latent", "field", "number"),
    [(LatentSize(tokens=4, width=1), "latent.tokens", "48"), (LatentSize(tokens=48, width=3), "latent.width", "1")],
)
def test_another_size_of_latent_is_refused_with_the_right_one(latent: LatentSize, field: str, number: str) -> None:
    for spec in (IdentityEncoder(), IdentityDecoder()):
        with pytest.raises(SpecError, match=f"should be {number}") as caught:
            spec.build(problem_of(8, 6), latent)
        assert caught.value.field == field
