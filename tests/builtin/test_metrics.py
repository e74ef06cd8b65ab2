"""Each metric against an error whose value can be written down."""

import math

import pytest
import torch
from torch import Tensor

from ups_framework.api import Axis, Field, Grid, Metric, Problem, SpecError
from ups_framework.builtin.metrics import BRMSE, CRMSE, FRMSE, NRMSE, RMSE, VRMSE, MaxError
from ups_framework.builtin.metrics.spectral import BANDS, Band


def problem_on(*shape: int) -> Problem:
    axes = tuple(Axis(name=name) for name in "xyz"[: len(shape)])
    grid = Grid(axes=axes, shape=shape, offset=(0.5,) * len(shape))
    return Problem(name="any", fields=(Field(name="u"),), grid=grid, dt=0.1)


def score(metric: Metric, prediction: Tensor, truth: Tensor, *shape: int) -> Tensor:
    problem = problem_on(*shape)
    return metric.build(problem)(prediction, truth, problem.grid)


def constants(*values: float, points: int = 16) -> Tensor:
    """One trajectory for each value, of one frame and one channel."""
    return torch.tensor(values).reshape(-1, 1, 1, 1).expand(-1, 1, points, 1)


def wave(*numbers: int, shape: tuple[int, ...]) -> Tensor:
    """cos(2π k·x) as one trajectory of one frame and one channel, double precision."""
    mesh = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) / n for n in shape), indexing="ij")
    phase = torch.stack([k * x for k, x in zip(numbers, mesh, strict=True)]).sum(dim=0)
    return torch.cos(2 * math.pi * phase).reshape(1, 1, -1, 1)


def test_rmse_takes_the_root_before_it_averages_over_trajectories() -> None:
    assert score(RMSE(), constants(0.1, 0.3), constants(0.0, 0.0), 16).item() == pytest.approx(0.2)


def test_rmse_of_a_sine_is_its_amplitude_over_the_root_of_two() -> None:
    error = 0.3 * wave(2, shape=(32,))
    assert score(RMSE(), error, torch.zeros_like(error), 32).item() == pytest.approx(0.3 / math.sqrt(2))


def test_nrmse_is_the_ratio_of_amplitudes_whatever_the_unit() -> None:
    truth, error = wave(1, shape=(32,)), 0.1 * wave(5, shape=(32,))
    assert score(NRMSE(), truth + error, truth, 32).item() == pytest.approx(0.1)
    assert score(NRMSE(), 1e-9 * (truth + error), 1e-9 * truth, 32).item() == pytest.approx(0.1)


def test_nrmse_weighs_a_weak_trajectory_like_a_strong_one() -> None:
    truth = constants(1.0, 100.0)
    assert score(NRMSE(), truth + constants(0.5, 10.0), truth, 16).item() == pytest.approx((0.5 + 0.1) / 2)


def test_nrmse_of_a_truth_that_vanishes_is_infinite_and_not_hidden_by_a_floor() -> None:
    assert score(NRMSE(), constants(1.0), constants(0.0), 16).item() == math.inf


def test_crmse_sees_an_offset_and_no_wave() -> None:
    truth = wave(1, shape=(32,))
    assert score(CRMSE(), truth - 0.2, truth, 32).item() == pytest.approx(0.2)
    assert score(CRMSE(), truth + wave(3, shape=(32,)), truth, 32).item() == pytest.approx(0.0, abs=1e-12)


def test_crmse_averages_over_trajectories_inside_the_root() -> None:
    expected = math.sqrt((0.1**2 + 0.3**2) / 2)
    assert score(CRMSE(), constants(0.1, -0.3), constants(0.0, 0.0), 16).item() == pytest.approx(expected)


def test_max_error_is_the_worst_point_of_the_worst_trajectory() -> None:
    prediction = torch.zeros(3, 1, 16, 1)
    prediction[1, 0, 5, 0], prediction[2, 0, 9, 0] = 0.4, -0.7
    assert score(MaxError(), prediction, torch.zeros(3, 1, 16, 1), 16).item() == pytest.approx(0.7)


def test_brmse_sees_only_the_two_ends_of_a_line() -> None:
    error = torch.full((1, 1, 16, 1), 100.0)
    error[0, 0, 0, 0], error[0, 0, -1, 0] = 3.0, 4.0
    assert score(BRMSE(), error, torch.zeros_like(error), 16).item() == pytest.approx(math.sqrt(12.5))


def test_brmse_counts_a_corner_of_a_rectangle_twice_and_its_inside_never() -> None:
    corner, inside = torch.zeros(1, 1, 24, 1), torch.zeros(1, 1, 24, 1)
    corner[0, 0, 0, 0], inside[0, 0, 7, 0] = 1.0, 1.0
    nothing = torch.zeros(1, 1, 24, 1)
    assert score(BRMSE(), corner, nothing, 4, 6).item() == pytest.approx(math.sqrt(2 / (2 * 4 + 2 * 6)))
    assert score(BRMSE(), inside, nothing, 4, 6).item() == 0.0


@pytest.mark.parametrize("shape", [(8,), (4, 6), (3, 4, 5)])
def test_brmse_of_a_constant_error_is_that_constant(shape: tuple[int, ...]) -> None:
    error = constants(0.3, points=math.prod(shape))
    assert score(BRMSE(), error, torch.zeros_like(error), *shape).item() == pytest.approx(0.3)


def test_brmse_in_three_dimensions_keeps_channels_apart() -> None:
    error = torch.tensor([1.0, 2.0]).expand(1, 1, 60, 2)
    assert score(BRMSE(), error, torch.zeros_like(error), 3, 4, 5)[0].tolist() == pytest.approx([1.0, 2.0])


@pytest.mark.parametrize(("number", "band", "waves"), [(3, "low", 4), (4, "mid", 8), (11, "mid", 8), (12, "high", 21)])
def test_frmse_of_a_wave_is_half_its_amplitude_over_the_wave_numbers_of_its_band(
    number: int, band: Band, waves: int
) -> None:
    error = 0.6 * wave(number, shape=(64,))
    assert score(FRMSE(band=band), error, 0 * error, 64).item() == pytest.approx(0.3 / waves)
    for other in BANDS.keys() - {band}:
        assert score(FRMSE(band=other), error, 0 * error, 64).item() == pytest.approx(0.0, abs=1e-12)


def test_frmse_counts_a_mean_error_as_low_with_its_whole_size() -> None:
    assert score(FRMSE(band="low"), constants(0.4), constants(0.0), 16).item() == pytest.approx(0.1)


def test_frmse_in_two_dimensions_bins_by_the_length_of_the_wave_vector() -> None:
    error = 0.6 * wave(3, 4, shape=(32, 48))  # |(3, 4)| = 5
    assert score(FRMSE(band="mid"), error, 0 * error, 32, 48).item() == pytest.approx(0.3 / 8)
    assert score(FRMSE(band="low"), error, 0 * error, 32, 48).item() == pytest.approx(0.0, abs=1e-12)


def test_frmse_in_two_dimensions_adds_powers_within_a_shell() -> None:
    error = 0.6 * wave(5, 0, shape=(32, 32)) + 0.8 * wave(3, 4, shape=(32, 32))
    # An axis-parallel wave and a diagonal one have half their amplitude in the quadrant each.
    assert score(FRMSE(band="mid"), error, 0 * error, 32, 32).item() == pytest.approx(0.5 / 8)


def test_frmse_in_two_dimensions_misses_waves_along_the_other_diagonal_as_the_published_code_does() -> None:
    error = wave(3, -4, shape=(32, 32))
    for band in BANDS:
        assert score(FRMSE(band=band), error, 0 * error, 32, 32).item() == pytest.approx(0.0, abs=1e-12)


def test_frmse_of_a_band_that_the_grid_does_not_have_is_a_mistake_in_the_recipe() -> None:
    FRMSE(band="high").build(problem_on(24))
    with pytest.raises(SpecError, match="'high' begins at wave number 12, beyond the 16 x 64 grid"):
        FRMSE(band="high").build(problem_on(16, 64))


def test_vrmse_of_the_spatial_mean_is_one_up_to_the_unbiased_deviation() -> None:
    truth = 3.0 + wave(1, shape=(32,))
    assert score(VRMSE(), torch.full_like(truth, 3.0), truth, 32).item() == pytest.approx(math.sqrt(31 / 32), rel=1e-6)


def test_vrmse_of_a_constant_truth_is_the_error_over_the_root_of_the_floor() -> None:
    assert score(VRMSE(), constants(2.1), constants(2.0), 16).item() == pytest.approx(0.1 / math.sqrt(1e-7), rel=1e-4)


ALL = [RMSE(), NRMSE(), CRMSE(), MaxError(), BRMSE(), VRMSE(), *(FRMSE(band=band) for band in BANDS)]


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_every_step_and_channel_is_measured_by_itself(metric: Metric) -> None:
    random = torch.Generator().manual_seed(1)
    truth = torch.randn(3, 2, 32 * 26, 4, generator=random)
    prediction = truth + torch.randn(truth.shape, generator=random)
    table = score(metric, prediction, truth, 32, 26)
    assert table.shape == (2, 4)
    alone = score(metric, prediction[:, 1:, :, 2:3], truth[:, 1:, :, 2:3], 32, 26)
    assert alone.item() == pytest.approx(table[1, 2].item(), rel=1e-5)


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_a_perfect_prediction_scores_zero(metric: Metric) -> None:
    truth = torch.randn(2, 1, 64, 1, generator=torch.Generator().manual_seed(2))
    assert score(metric, truth, truth, 64).item() == 0.0
