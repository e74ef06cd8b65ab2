"""The data is exact, the residual knows it, and the baseline converges to it."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from ups_framework.api import Grid, SpecError

from ups_heat.baseline import HeatCrankNicolson
from ups_heat.dataset import HeatDataset
from ups_heat.equation import domain, exact_solution, wave_vectors
from ups_heat.metric import HeatResidualMetric
from ups_heat.residual import residual
from ups_heat.starts import hot_spots

KAPPA = 0.02
PARAMETERS = torch.tensor([[KAPPA]], dtype=torch.float64)


def waves_at(grid: Grid, dt: float, frames: int) -> Tensor:
    """A solution with two waves along each axis, (1, frames, N, 1)."""
    waves = wave_vectors(len(grid.shape), 2)
    amplitudes = (1 + torch.arange(len(waves)) * (1 - 0.5j))[None] / len(waves)
    times = dt * torch.arange(frames, dtype=torch.float64)
    return exact_solution(amplitudes, waves, PARAMETERS[0], times, grid)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_exact_solution_is_that_of_a_point_source_and_its_images(dimensions: int) -> None:
    """exp(−r²/4κt) / (4πκt)^(d/2), summed over the images of a source at 0; its waves at time 0 are all 1."""
    grid, time = domain(dimensions, 32), 0.5
    waves = wave_vectors(dimensions, 12)
    found = exact_solution(
        torch.ones(1, len(waves), dtype=torch.complex128),
        waves,
        PARAMETERS[0],
        torch.tensor([time], dtype=torch.float64),
        grid,
    )
    images = grid.coordinates(0)[:, None] - torch.arange(-5, 6)
    along = torch.exp(-(images**2) / (4 * KAPPA * time)).sum(1) / math.sqrt(4 * math.pi * KAPPA * time)
    expected = along if dimensions == 1 else along[:, None] * along
    assert torch.allclose(found.flatten(), expected.flatten(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_hot_spots_start_as_powers_of_a_cosine_and_never_become_negative(dimensions: int) -> None:
    grid, waves = domain(dimensions, 48), wave_vectors(dimensions, 6)
    amplitudes = hot_spots(waves, torch.Generator().manual_seed(0))[None]
    times = torch.tensor([0.0, 0.1, 1.0], dtype=torch.float64)
    found = exact_solution(amplitudes, waves, PARAMETERS[0], times, grid)[0, ..., 0]
    assert 0.4 < float(found[0].max()) < 2.0
    assert float(found[0].min()) < 1e-3
    assert float(found.min()) > -1e-14
    draw = torch.Generator().manual_seed(0)
    place = torch.rand(2, dimensions, generator=draw, dtype=torch.float64)
    height = 0.5 + 0.5 * torch.rand(2, generator=draw, dtype=torch.float64)
    away = torch.cartesian_prod(*[grid.coordinates(0)] * dimensions).reshape(-1, 1, dimensions) - place
    expected = ((math.pi * away).cos() ** 12).prod(2) @ height
    assert torch.allclose(found[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_residual_is_zero_on_the_truth_and_what_is_missed_elsewhere(dimensions: int) -> None:
    grid = domain(dimensions, 16)
    truth = waves_at(grid, 0.1, 3)
    assert float(residual(truth, grid, 0.1, PARAMETERS).abs().max()) < 1e-12
    still = truth[:, :1].expand_as(truth)
    missed = residual(still, grid, 0.1, PARAMETERS)
    assert torch.allclose(missed[:, 0], truth[:, 0] - truth[:, 1])


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_baseline_converges_with_second_order(dimensions: int) -> None:
    errors = []
    for refinement in (1, 2, 4):
        problem = HeatDataset(dt=0.2 / refinement).problem()
        grid = domain(dimensions, 16 * refinement)
        truth = waves_at(grid, problem.dt, 2 * refinement + 1)
        forecast = HeatCrankNicolson().build(problem)
        found = forecast(truth[:, 0], 2 * refinement, grid, PARAMETERS)
        errors.append(float((found - truth[:, 1:])[:, -1].norm() / truth[:, -1].norm()))
    assert errors[0] / errors[1] > 3.6
    assert errors[1] / errors[2] > 3.6


def test_with_a_range_each_trajectory_decays_with_its_own_diffusivity(tmp_path: Path) -> None:
    spec = HeatDataset(diffusivity=(0.005, 0.02), train=8, validation=2, test=2, frames=3)
    train = spec.build(folder=tmp_path, device=torch.device("cpu"), report=print).train
    longest = torch.fft.rfft(train.values[..., 0].double()).abs()[..., 1]
    found = (longest[:, 0] / longest[:, 2]).log() / (4 * math.pi**2 * 2 * spec.dt)
    assert torch.allclose(found, train.parameters[:, 0].double(), rtol=1e-4)
    assert len(train.parameters.unique()) == 8


def test_what_makes_no_sense_is_refused_with_its_field() -> None:
    with pytest.raises(SpecError, match="points: 4 waves need more than 8"):
        HeatDataset(points=8).problem()
    with pytest.raises(SpecError, match=r"diffusivity: 0\.02 is the smallest"):
        HeatDataset(diffusivity=(0.02, 0.01)).problem()
    several = HeatDataset(diffusivity=(0.01, 0.02)).problem()
    with pytest.raises(SpecError, match="needs one diffusivity"):
        HeatResidualMetric().build(several)
