"""The dataset `fno_burgers` follows the law of the authors' generator, and its frames solve the equation."""

import math
from pathlib import Path

import pytest
import torch
from ups_burgers.cole_hopf import cole_hopf
from ups_burgers.fno_paper import FnoBurgers, random_start

from ups_framework.api import Axis, Data, Grid, SpecError

CPU = torch.device("cpu")


def data(**sizes: int) -> Data:
    spec = FnoBurgers(**{"train": 4, "validation": 2, "test": 3, **sizes})
    return spec.build(folder=Path("unused"), device=CPU, report=lambda _: None)


def line(points: int) -> Grid:
    return Grid(axes=(Axis(name="x"),), shape=(points,), offset=(0.0,))


def test_the_end_is_the_exact_solution_of_the_papers_equation() -> None:
    values = data(test=20).test.values[..., 0].double()
    exact = cole_hopf(values[:, 0], 0.1 * math.pi, 1.0)
    assert float((values[:, 1] - exact).norm() / exact.norm()) < 1e-6


def test_waves_of_starts_have_the_covariance_of_the_authors_generator() -> None:
    """49² ((2πk)² + 49)^−2.5 for each coefficient, and no mean."""
    count = 4000
    starts = torch.stack([random_start(line(64), 0, "test", number) for number in range(count)])
    power = torch.fft.rfft(starts, norm="forward").abs().square().mean(0)[:6]
    k = torch.arange(1, 6, dtype=torch.float64)
    expected = 49**2 * ((2 * math.pi * k) ** 2 + 49) ** -2.5
    assert torch.allclose(power[1:], expected, rtol=5 / math.sqrt(count))
    assert float(power[0]) < 1e-24


def test_a_start_is_one_function_whatever_the_grid() -> None:
    """But for the waves that the coarse one cannot hold, whose amplitudes fall as 1/k²."""
    fine, coarse = (random_start(line(points), 0, "train", 5) for points in (2048, 1024))
    assert torch.allclose(fine[::2], coarse, atol=1e-12)
    assert float((fine[::8] - random_start(line(256), 0, "train", 5)).abs().max()) < 1e-2


def test_test_data_is_finer_than_training_data_and_number_n_is_always_the_same() -> None:
    few, many = data(test=2, points=128), data(test=4)
    assert few.train.values.shape == (4, 2, 128, 1)
    assert few.test.values.shape == (2, 2, 1024, 1)
    assert torch.equal(few.test.values, many.test.values[:2])
    assert torch.equal(few.train.values, many.train.values[:, :, ::8])


def test_points_that_do_not_divide_those_of_the_data_are_refused() -> None:
    with pytest.raises(SpecError, match="96 does not divide the 1024 points"):
        FnoBurgers(points=96).problem()
