"""Losses at points that do not all count alike."""

import pytest
import torch
from torch import Tensor

from ups_framework.api import LossTerm, Points, Step
from ups_framework.builtin.losses import RelativeL2, RelativeMSE, Rollout
from ups_framework.testing.models import Oracle
from ups_framework.testing.settings import travelling_waves

WAVES = travelling_waves(1)
TRUTH = WAVES.trajectories.values
POINTS = WAVES.problem.grid.points()
N = len(POINTS)


def value(loss: LossTerm, prediction: Tensor, index: Tensor, weights: Tensor | None = None) -> Tensor:
    """Of a model that predicts this."""
    points = Points(coordinates=POINTS[index], index=index, weights=weights)
    model = Oracle(WAVES.problem, prediction)
    step = Step(model=model, truth=TRUTH, parameters=WAVES.trajectories.parameters, points=points)
    return loss.build(WAVES.problem)(step)


def test_relative_mse_of_a_tenth_too_much_is_a_hundredth_at_all_points() -> None:
    assert float(value(RelativeMSE(), 1.1 * TRUTH, torch.arange(N))) == pytest.approx(0.01, rel=1e-4)


def test_relative_mse_at_weighted_points_is_unbiased() -> None:
    """Over all draws of one point, likelier to the right: exactly the value on the whole grid."""
    prediction = TRUTH + torch.rand(TRUTH.shape, generator=torch.Generator().manual_seed(0))
    probability = torch.linspace(1.0, 3.0, N)
    probability = probability / probability.sum()
    each = [
        chance * value(RelativeMSE(), prediction, torch.tensor([point]), (1 / (N * chance)).reshape(1))
        for point, chance in enumerate(probability)
    ]
    torch.testing.assert_close(torch.stack(each).sum(), value(RelativeMSE(), prediction, torch.arange(N)))


@pytest.mark.parametrize("loss", [RelativeL2(), Rollout(), RelativeMSE()], ids=lambda loss: type(loss).__name__)
def test_a_point_that_counts_twice_is_a_point_that_comes_twice(loss: LossTerm) -> None:
    prediction = TRUTH + torch.rand(TRUTH.shape, generator=torch.Generator().manual_seed(0))
    weighted = value(loss, prediction, torch.tensor([1, 5, 9]), torch.tensor([1.5, 0.75, 0.75]))
    torch.testing.assert_close(weighted, value(loss, prediction, torch.tensor([1, 1, 5, 9])))
