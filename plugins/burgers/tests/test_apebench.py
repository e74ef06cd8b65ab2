"""The dataset `apebench_burgers` follows its law, and its frames solve the equation as well as second order does."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from ups_burgers.apebench import ApebenchBurgers, random_start
from ups_burgers.etdrk2 import FourierETDRK2
from ups_burgers.spectral import FourierETDRK4

from ups_framework.api import Axis, Data, Grid

CPU = torch.device("cpu")


def data(**sizes: int) -> Data:
    spec = ApebenchBurgers(**{"train": 4, "validation": 2, "test": 30, **sizes})
    return spec.build(folder=Path("unused"), device=CPU, report=lambda _: None)


def geometric_nrmse(found: Tensor, truth: Tensor) -> float:
    """Over frames 1 to 100 of (B T N) with the start in front."""
    found, truth = found[:, 1:101], truth[:, 1:101]
    error = (found - truth).square().mean(-1).sqrt() / truth.square().mean(-1).sqrt()
    return float(error.mean(0).log().mean().exp())


def test_the_coefficients_are_those_of_the_published_difficulty() -> None:
    problem = ApebenchBurgers().problem()
    diffusivity = problem.parameters[0].low / math.pi
    assert problem.dt == pytest.approx(9.375e-3)
    assert diffusivity == pytest.approx(3.125e-3)
    assert 2 * 160**2 * diffusivity * problem.dt == pytest.approx(1.5)


def test_frames_are_off_the_exact_solution_by_the_published_schemes_own_error() -> None:
    """Against ETDRK4 on 4 times the points with steps of dt / 4; with 64 substeps of the scheme itself it is 1.9e-3."""
    test = data().test
    fine_grid = Grid(axes=test.grid.axes, shape=(640,), offset=(0.0,))
    hat = torch.fft.rfft(test.values[:, 0, :, 0].double())
    fine = torch.fft.irfft(torch.nn.functional.pad(hat, (0, 320 - 80)), n=640) * 4
    solver = FourierETDRK4(fine_grid, float(test.parameters[0]), CPU, largest_step=test.dt / 4)
    frames = [fine]
    for _ in range(100):
        frames.append(solver.advance(frames[-1], test.dt))
    exact = torch.stack(frames, dim=1)[..., ::4]
    assert geometric_nrmse(test.values[..., 0].double(), exact) == pytest.approx(1.9e-3, rel=0.15)


def test_the_scheme_is_of_second_order_in_time() -> None:
    grid = ApebenchBurgers().problem().grid
    start, dt = torch.stack([random_start(grid, 0, "test", number) for number in range(4)]), 9.375e-3
    ends = [FourierETDRK2(grid, 0.05, dt / steps).trajectory(start, 10 * steps + 1)[:, -1] for steps in (1, 2, 4, 64)]
    errors = [float((end - ends[-1]).norm()) for end in ends[:-1]]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.15)


def test_a_wave_of_small_amplitude_decays_at_its_own_rate() -> None:
    grid = Grid(axes=(Axis(name="x"),), shape=(160,), offset=(0.0,))
    start = 1e-6 * (2 * math.pi * 3 * grid.coordinates(0)).sin()[None]
    end = FourierETDRK2(grid, 0.01, 9.375e-3).trajectory(start, 101)[:, -1]
    rate = 0.01 / math.pi * (2 * math.pi * 3) ** 2
    assert float(end.norm() / start.norm()) == pytest.approx(math.exp(-rate * 100 * 9.375e-3), rel=1e-5)


def test_starts_have_five_waves_no_mean_and_a_largest_value_of_one() -> None:
    starts = data().test.values[:, 0, :, 0].double()
    spectrum = torch.fft.rfft(starts).abs()
    assert torch.allclose(starts.abs().amax(-1), torch.ones(30, dtype=torch.float64))
    assert float(spectrum[:, 0].max() / spectrum.max()) < 1e-6
    assert float(spectrum[:, 6:].max() / spectrum.max()) < 1e-6
    assert bool((spectrum[:, 1:6].mean(0) > 0.1 * spectrum.max()).all())


def test_the_mean_stays_and_the_energy_falls() -> None:
    values = data().test.values[..., 0].double()
    energy = values.square().mean(-1)
    assert float(values.mean(-1).abs().max()) < 1e-6
    assert bool((energy[:, 1:] < energy[:, :-1]).all())


def test_test_trajectories_are_four_times_as_long_and_number_n_is_always_the_same() -> None:
    few, many = data(test=2), data(test=5)
    assert few.train.values.shape == (4, 51, 160, 1)
    assert few.test.values.shape == (2, 201, 160, 1)
    assert torch.equal(few.test.values, many.test.values[:2])


def test_seeds_and_splits_have_starts_of_their_own() -> None:
    first, other = data(test=2), data(test=2, seed=1)
    assert not torch.equal(first.test.values[:, 0], other.test.values[:, 0])
    assert not torch.equal(first.test.values[:2, 0], first.validation.values[:2, 0])
