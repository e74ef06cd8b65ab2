"""Distributions: every number is counted once, in the bin where it lies; training tells of gradients after audits."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from ups_framework.engine.distributions import NUM_BINS, distribution

if TYPE_CHECKING:
    from tests.engine.conftest import Train


def test_the_counts_are_those_of_a_histogram_between_the_extremes() -> None:
    numbers = torch.randn(1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spread = distribution([numbers[:300], numbers[300:].reshape(70, 10)])
    assert spread is not None
    expected, _ = np.histogram(numbers.float().numpy(), bins=NUM_BINS)
    assert spread.counts == tuple(expected.tolist())
    assert (spread.low, spread.high) == (float(numbers.float().min()), float(numbers.float().max()))


def test_equal_numbers_lie_in_one_bin_and_what_is_not_finite_is_left_out() -> None:
    spread = distribution([torch.tensor([3.0, float("nan"), 3.0, float("inf")])])
    assert spread is not None
    assert sum(spread.counts) == 2
    assert spread.low < 3.0 < spread.high
    assert distribution([torch.tensor([float("nan")])]) is None
    assert distribution([]) is None


def test_after_each_audit_training_tells_of_the_gradient_of_every_trained_part(train: "Train") -> None:
    run = train()
    assert [(stage, step + 1) for stage, step, _ in run.log.audited_at] == [
        (stage, step) for stage, step, _ in run.log.gradients_at
    ]
    for stage, _, parts in run.log.gradients_at:
        trained = run.system.trained_parts(stage)
        sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in trained.items()}
        assert set(parts) == set(trained)
        assert all(0 < sum(spread.counts) <= sizes[name] for name, spread in parts.items())
