"""The root mean square that the penalties are: its value, and a gradient that lasts until a prior is satisfied."""

import pytest
import torch
from torch import Tensor
from ups_physics_priors.size import root_mean_square


def gradient(violation: Tensor) -> Tensor:
    """Of the root mean square, by the violation."""
    violation = violation.clone().requires_grad_()
    (found,) = torch.autograd.grad(root_mean_square(violation), violation)
    return found


@pytest.fixture
def pattern() -> Tensor:
    """A violation of root mean square 1 in each of three samples."""
    values = torch.randn(3, 8, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    return values / values.square().mean((1, 2), keepdim=True).sqrt()


@pytest.mark.parametrize("violation", [1e-4, 1e-2, 1.0, 1e2])
def test_the_value_is_the_root_mean_square_less_a_millionth(pattern: Tensor, violation: float) -> None:
    found = root_mean_square(violation * pattern)
    assert found.item() == pytest.approx(violation - 1e-6, abs=1e-8)


def test_the_gradient_does_not_vanish_with_the_violation(pattern: Tensor) -> None:
    large, small = (gradient(violation * pattern.float()).norm().item() for violation in (1e-2, 1e-4))
    assert large == pytest.approx(pattern.numel() ** -0.5, rel=0.01)
    assert small == pytest.approx(large, rel=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_violation_is_exactly_0_and_has_a_gradient_of_exactly_0(dtype: torch.dtype) -> None:
    satisfied = torch.zeros(3, 8, 1, dtype=dtype)
    assert root_mean_square(satisfied).item() == 0.0
    assert gradient(satisfied).abs().max().item() == 0.0
