"""APEBench's loss and figure of merit: plain squares, and the geometric mean over a rollout."""

import math

import pytest
import torch
from torch import Tensor

from ups_framework.api import Axis, Field, Grid, Points, Problem, Step
from ups_framework.builtin.losses import MSE
from ups_framework.builtin.metrics import NRMSE, GeometricNRMSE

PROBLEM = Problem(
    name="any", fields=(Field(name="u"),), grid=Grid(axes=(Axis(name="x"),), shape=(8,), offset=(0.0,)), dt=0.1
)


def rollout(*factors: float) -> tuple[Tensor, Tensor]:
    """A truth of ones, and a prediction that is these times it at one step after another, (1, T, 8, 1)."""
    truth = torch.ones(1, len(factors), 8, 1)
    return truth * torch.tensor(factors)[None, :, None, None], truth


@pytest.mark.parametrize(("steps", "value"), [(1, 0.1), (2, 0.01), (3, 0.1), (100, 0.1)])
def test_the_geometric_mean_is_that_of_the_first_steps_only(steps: int, value: float) -> None:
    prediction, truth = rollout(1.1, 1.001, 11.0)
    table = GeometricNRMSE(steps=steps).build(PROBLEM)(prediction, truth, PROBLEM.grid)
    assert table.shape == (3, 1)
    assert table.flatten().tolist() == pytest.approx([value] * 3, rel=1e-3)


def test_it_is_the_mean_of_the_logarithms_of_nrmse() -> None:
    prediction, truth = rollout(1.1, 0.7, 1.3)
    nrmse = NRMSE().build(PROBLEM)(prediction, truth, PROBLEM.grid)
    found = GeometricNRMSE().build(PROBLEM)(prediction, truth, PROBLEM.grid)
    assert float(found.mean()) == pytest.approx(math.exp(float(nrmse.log().mean())), rel=1e-6)


def test_an_exact_prediction_scores_zero() -> None:
    truth = rollout(1.0, 1.0)[1]
    assert float(GeometricNRMSE().build(PROBLEM)(truth, truth, PROBLEM.grid).max()) == 0.0


class Given(Step):
    """A step whose prediction is known."""

    def __init__(self, prediction: Tensor, truth: Tensor) -> None:
        self.prediction, self.target = prediction, truth  # in place of what a model makes
        self.truth = torch.cat([truth[:, :1], truth], dim=1)
        self.points = Points(coordinates=PROBLEM.grid.points(), index=torch.arange(8))


def test_plain_squares_are_in_units_of_the_field_and_weigh_large_fields_more() -> None:
    term = MSE().build(PROBLEM)
    prediction, truth = rollout(1.5, 0.9)
    assert float(term(Given(prediction, truth))) == pytest.approx((0.25 + 0.01) / 2)
    assert float(term(Given(10 * prediction, 10 * truth))) == pytest.approx(100 * (0.25 + 0.01) / 2)
