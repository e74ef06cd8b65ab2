"""Noise and clip: what they do to numbers, in training and in use."""

import math

import pytest
import torch
from ups_latent_reg.noise import LatentNoise
from ups_latent_reg.soft_clip import SoftClip, soft_clip

from ups_framework.api import Axis, Field, Grid, Latent, LatentSize, LatentTransform, Problem

PROBLEM = Problem(
    name="any", fields=(Field(name="u"),), grid=Grid(axes=(Axis(name="x"),), shape=(16,), offset=(0.5,)), dt=0.1
)


def transformed(spec: LatentTransform, tokens: torch.Tensor, *, training: bool, seed: int = 0) -> torch.Tensor:
    module = spec.build(PROBLEM, LatentSize(tokens=tokens.shape[1], width=tokens.shape[2])).train(training)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        changed: Latent = module(Latent(tokens=tokens, positions=torch.zeros(tokens.shape[1], 1)))
    return changed.tokens


def random_tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def test_noise_acts_in_training_and_not_in_use() -> None:
    tokens = random_tokens(2, 5, 8)
    assert transformed(LatentNoise(), tokens, training=False) is tokens
    assert not torch.equal(transformed(LatentNoise(), tokens, training=True), tokens)


def test_noise_is_a_fraction_of_each_token_s_own_size() -> None:
    """Of tokens whose sizes are 1 to 100: a standard deviation of 0.1 of each, to 3 % at 4000 numbers, and no mean."""
    sizes = torch.tensor([1.0, 10.0, 100.0]).reshape(1, 3, 1)
    tokens = sizes * torch.ones(1, 3, 4000)
    noise = (transformed(LatentNoise(fraction=0.1), tokens, training=True) - tokens) / sizes
    torch.testing.assert_close(noise.std(-1), torch.full((1, 3), 0.1), rtol=0.03, atol=0.0)
    assert noise.mean(-1).abs().max() < 3 * 0.1 / math.sqrt(4000)


def test_noise_is_that_of_the_seed_and_another_for_each_sample() -> None:
    tokens = torch.ones(2, 5, 8)
    one, again, other = (transformed(LatentNoise(), tokens, training=True, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_tokens_of_zeros_get_no_noise_and_a_finite_gradient() -> None:
    tokens = torch.zeros(1, 2, 4, requires_grad=True)
    noisy = transformed(LatentNoise(), tokens, training=True)
    (gradient,) = torch.autograd.grad(noisy.square().sum() + noisy.sum(), tokens)
    assert not noisy.any()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("spec", [LatentNoise(), SoftClip(limit=1.0)])
def test_a_transform_keeps_the_precision_of_its_tokens(spec: LatentTransform) -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        assert transformed(spec, random_tokens(2, 5, 8).to(dtype), training=True).dtype == dtype


def test_numbers_within_the_limit_are_left_as_they_are_to_the_last_bit() -> None:
    tokens = random_tokens(4, 16, 32)
    limit = float(tokens.abs().max())
    for training in (True, False):
        assert torch.equal(transformed(SoftClip(limit=limit), tokens, training=training), tokens)
        assert not torch.equal(transformed(SoftClip(limit=0.9 * limit), tokens, training=training), tokens)


def test_beyond_the_limit_a_number_grows_like_its_logarithm() -> None:
    values = torch.tensor([2.0, 2.0 * math.e, -2.0 * math.e**2, 2.0 * math.e**10])
    torch.testing.assert_close(soft_clip(values, 2.0), torch.tensor([2.0, 4.0, -6.0, 22.0]))


def test_the_slope_is_one_within_the_limit_and_never_more_beyond() -> None:
    values = torch.tensor([-40.0, -2.0, -1.0, 0.0, 0.5, 2.0, 4.0, 200.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(soft_clip(values, 2.0).sum(), values)
    expected = torch.tensor([0.05, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.01], dtype=torch.float64)
    torch.testing.assert_close(slope, expected)
    apart = values.detach()[[0, 2, 4, 6, 7]].requires_grad_()
    assert torch.autograd.gradcheck(lambda z: soft_clip(z, 2.0), (apart,))


def test_an_operator_that_doubles_latents_no_longer_blows_them_up() -> None:
    """y = c (1 + ln(2 y / c)) has its upper root at 2.678 c, where a hundred doublings end instead of at 2^100."""
    values = torch.tensor([0.1, -3.0, 50.0], dtype=torch.float64)
    for _ in range(100):
        values = soft_clip(2 * values, 3.0)
    torch.testing.assert_close(values.abs() / 3.0, torch.full((3,), 2.6783, dtype=torch.float64), rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf])
def test_a_size_that_is_no_positive_number_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        SoftClip(limit=wrong)
    with pytest.raises(ValueError, match="must be"):
        LatentNoise(fraction=wrong)
