"""The latent terms against tokens whose size and angles are known."""

import math
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor
from ups_latent_reg.diversity import LatentDiversity
from ups_latent_reg.norm import LatentNorm
from ups_latent_reg.smoothness import LatentSmoothness

from ups_framework.api import LossTerm, Step

MakeStep = Callable[..., Step]
Form = Literal["squared", "signed"]
both_forms = pytest.mark.parametrize("form", ["squared", "signed"])


def loss(term: LossTerm, step: Step) -> Tensor:
    return term.build(step.problem)(step)


def random_tokens(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def test_tokens_of_the_target_size_cost_nothing(make_step: MakeStep) -> None:
    tokens = torch.tensor([[[3.0, 4.0], [5.0, 0.0]]])
    assert loss(LatentNorm(target=5 / math.sqrt(2)), make_step(tokens)).item() == pytest.approx(0.0, abs=1e-12)


def test_the_norm_term_is_the_mean_over_tokens_of_the_squared_distance_from_the_target(make_step: MakeStep) -> None:
    tokens = torch.tensor([1.5, 0.8]).reshape(1, 2, 1).expand(1, 2, 7)
    assert loss(LatentNorm(), make_step(tokens)).item() == pytest.approx((0.5**2 + 0.2**2) / 2, rel=1e-5)


def test_the_norm_term_sees_the_encoded_and_every_predicted_latent(make_step: MakeStep) -> None:
    step = make_step(torch.ones(1, 4, 3), factor=2.0, steps=2)  # sizes 1, 2, 4
    assert loss(LatentNorm(), step).item() == pytest.approx((0 + 1 + 9) / 3)


def test_a_token_of_zeros_has_a_finite_gradient(make_step: MakeStep) -> None:
    for term in (LatentNorm(), LatentDiversity(), LatentDiversity(form="signed"), LatentSmoothness()):
        tokens = torch.tensor([[[0.0, 0.0], [1.0, 2.0]]], requires_grad=True)
        (gradient,) = torch.autograd.grad(loss(term, make_step(tokens, steps=1)), tokens)
        assert gradient.isfinite().all()


def test_a_step_against_the_gradient_brings_the_size_nearer_to_the_target(make_step: MakeStep) -> None:
    tokens = (3.0 * random_tokens(2, 6, 4)).requires_grad_()
    before = loss(LatentNorm(), make_step(tokens, steps=1))
    (gradient,) = torch.autograd.grad(before, tokens)
    after = loss(LatentNorm(), make_step((tokens - gradient).detach(), steps=1))
    assert after.item() < before.item()


def test_a_target_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        LatentNorm(target=0.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_parallel_or_opposite_tokens_are_not_diverse_at_all(make_step: MakeStep, sign: float) -> None:
    token = random_tokens(1, 1, 8)
    tokens = torch.cat([token, 3.0 * sign * token, 0.1 * token], dim=1)
    assert loss(LatentDiversity(), make_step(tokens)).item() == pytest.approx(1.0, abs=1e-6)


@both_forms
def test_orthogonal_tokens_are_fully_diverse(make_step: MakeStep, form: Form) -> None:
    assert loss(LatentDiversity(form=form), make_step(torch.diag(torch.arange(1.0, 7.0))[None])).item() == 0.0


def test_signed_parallel_tokens_are_alike_and_opposite_ones_are_not(make_step: MakeStep) -> None:
    token = random_tokens(1, 1, 8)
    for sign in (1.0, -1.0):
        tokens = torch.cat([token, 3.0 * sign * token], dim=1)
        assert loss(LatentDiversity(form="signed"), make_step(tokens)).item() == pytest.approx(sign, abs=1e-6)


def test_signed_diversity_is_least_where_unit_tokens_add_up_to_nothing(make_step: MakeStep) -> None:
    """Three directions at 120 degrees: every cosine is -1/2, which is -1/(T - 1)."""
    angles = torch.tensor([0.0, 2.0, 4.0]) * math.pi / 3
    tokens = torch.stack([angles.cos(), angles.sin()], dim=-1)[None]
    assert loss(LatentDiversity(form="signed"), make_step(tokens)).item() == pytest.approx(-0.5, abs=1e-6)


def test_two_tokens_have_the_squared_cosine_of_their_angle(make_step: MakeStep) -> None:
    angle = 0.7
    tokens = torch.tensor([[[1.0, 0.0], [math.cos(angle), math.sin(angle)]]])
    assert loss(LatentDiversity(), make_step(tokens)).item() == pytest.approx(math.cos(angle) ** 2, rel=1e-5)


@both_forms
@pytest.mark.parametrize("shape", [(3, 16, 4), (2, 5, 32), (1, 2, 1)])
def test_diversity_equals_the_mean_over_all_pairs_of_different_tokens(
    make_step: MakeStep, shape: tuple[int, int, int], form: Form
) -> None:
    tokens = random_tokens(*shape)
    cosine = torch.cosine_similarity(tokens[:, :, None], tokens[:, None], dim=-1)
    different = ~torch.eye(shape[1], dtype=torch.bool)
    expected = cosine[:, different].pow(2 if form == "squared" else 1).mean().item()
    assert loss(LatentDiversity(form=form), make_step(tokens)).item() == pytest.approx(expected, rel=1e-4, abs=1e-7)


@both_forms
def test_a_single_token_is_diverse(make_step: MakeStep, form: Form) -> None:
    assert loss(LatentDiversity(form=form), make_step(torch.ones(2, 1, 4), steps=1)).item() == 0.0


def test_tokens_that_share_a_large_part_are_alike_because_they_are_not_centred(make_step: MakeStep) -> None:
    assert loss(LatentDiversity(), make_step(random_tokens(1, 8, 16) + 10.0)).item() > 0.95


@both_forms
def test_a_step_against_the_gradient_makes_tokens_more_diverse(make_step: MakeStep, form: Form) -> None:
    tokens = (random_tokens(2, 6, 4) + 1.0).requires_grad_()
    before = loss(LatentDiversity(form=form), make_step(tokens, steps=2))
    (gradient,) = torch.autograd.grad(before, tokens)
    after = loss(LatentDiversity(form=form), make_step((tokens - gradient).detach(), steps=2))
    assert after.item() < before.item()


def test_the_diversity_term_sees_the_predicted_latents(make_step: MakeStep) -> None:
    """A factor of 0 makes every predicted token 0, which is like no other."""
    tokens = torch.ones(1, 4, 3)
    assert loss(LatentDiversity(), make_step(tokens, factor=0.0, steps=1)).item() == pytest.approx(0.5)
