"""The smoothness term against latents whose change in a step is known."""

import math
from collections.abc import Callable

import pytest
import torch
from ups_latent_reg.smoothness import LatentSmoothness, hinge, rate

from ups_framework.api import Step

MakeStep = Callable[..., Step]


def random_tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def value(limit: float, step: Step) -> torch.Tensor:
    return LatentSmoothness(limit=limit).build(step.problem)(step)


@pytest.mark.parametrize("factor", [0.0, 0.5, 3.0])
def test_tokens_of_one_size_that_are_scaled_change_by_the_factor_less_one(make_step: MakeStep, factor: float) -> None:
    """Every rate is |factor − 1| in every step, of which the hinge is written out here."""
    tokens, limit = torch.ones(2, 5, 3), 0.25
    excess, width = abs(factor - 1) - limit, 0.1 * limit
    expected = (excess + math.hypot(excess, width) + limit - math.hypot(limit, width)) / 2
    steps = 1 if factor == 0.0 else 3
    assert value(limit, make_step(tokens, factor=factor, steps=steps)).item() == pytest.approx(expected, rel=1e-5)


def test_latents_that_stay_cost_nothing_and_so_does_a_stage_that_predicts_nothing(make_step: MakeStep) -> None:
    tokens = random_tokens(2, 5, 3)
    assert value(0.5, make_step(tokens, factor=1.0, steps=3)).item() == pytest.approx(0.0, abs=1e-7)
    assert value(0.5, make_step(tokens, steps=0)).item() == 0.0


def test_the_rate_of_a_token_is_its_change_over_the_size_of_all_tokens_of_its_sample() -> None:
    before = torch.tensor([[[3.0, 4.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]])
    after = before + torch.tensor([[[0.0, 0.0], [1.0, 1.0]], [[2.0, 2.0], [0.0, 0.0]]])
    expected = torch.tensor([[0.0, 1.0 / 2.5], [2.0, 0.0]])
    torch.testing.assert_close(rate(before, after), expected)


def test_the_rate_does_not_depend_on_the_scale_of_the_latent() -> None:
    before, after = random_tokens(2, 3, 6, 4)
    torch.testing.assert_close(rate(before, after), rate(1e3 * before, 1e3 * after))


def test_below_the_limit_the_price_is_small_and_beyond_it_is_the_excess() -> None:
    """With slopes of 0.0025 at 0, one half at the limit and 1 far beyond."""
    rates = torch.tensor([[0.0, 0.5, 50.0]], requires_grad=True)
    (slopes,) = torch.autograd.grad(hinge(rates, 0.5).sum(), rates)
    torch.testing.assert_close(slopes, torch.tensor([[0.0025, 0.5, 1.0]]), rtol=0.01, atol=1e-4)
    small = hinge(torch.tensor([[0.25]]), 0.5)
    assert 0 < small.item() < 0.01 * 0.5
    assert hinge(torch.tensor([[5.0]]), 0.5).item() == pytest.approx(4.5, rel=0.01)


def test_the_gradient_is_that_of_finite_differences(make_step: MakeStep) -> None:
    tokens = random_tokens(1, 3, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: value(0.3, make_step(z, factor=1.6, steps=2)), (tokens * 1.0,))
    before = torch.randn(1, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    after = torch.randn(1, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2), requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: hinge(rate(a, b), 0.3), (before, after))


@pytest.mark.parametrize("limit", [0.0, -1.0, math.inf])
def test_a_limit_that_is_no_positive_number_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        LatentSmoothness(limit=limit)
