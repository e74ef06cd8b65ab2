"""Samplers that go by the truth or by errors: their probabilities, their weights, and what they learn."""

import math

import pytest
import torch
from torch import Tensor
from ups_query_sampling.curriculum import Curriculum
from ups_query_sampling.error_map import ErrorMap
from ups_query_sampling.importance import Importance, steepness
from ups_query_sampling.inclusion import inclusion_probabilities, systematic, unbiased_weights
from ups_query_sampling.off_grid import OffGrid
from ups_query_sampling.residual_adaptive import ResidualAdaptive
from ups_query_sampling.sets import PerFrame, PerSample
from ups_query_sampling.stratified import Stratified
from ups_query_sampling.uniform import Uniform

from ups_framework.api import Axis, Field, Grid, Occasion, Points, Problem, Sampler, Sampling, SpecError
from ups_framework.builtin.samplers import Dense

N = 64
GRID = Grid(axes=(Axis(name="x"),), shape=(N,), offset=(0.5,))
PROBLEM = Problem(name="any", fields=(Field(name="u"),), grid=GRID, dt=0.1)
X = GRID.coordinates(0)
FRONT = torch.tanh(40 * (X - 0.5)).float()[None, None, :, None].repeat(3, 4, 1, 1)
"""Steep at the middle (and where the ring closes): three samples of four frames."""


def draw(sampling: Sampling, seed: int, truth: Tensor = FRONT, count: int | None = None, progress: float = 0) -> Points:
    chance = torch.Generator().manual_seed(seed)
    return sampling.draw(Occasion(generator=chance, truth=truth, progress=progress, count=count))


def index_of(points: Points) -> Tensor:
    assert points.index is not None
    return points.index


# Inclusion


@pytest.mark.parametrize("count", [1, 7, 20, N])
def test_every_point_is_drawn_with_its_probability_and_none_twice(count: int) -> None:
    density = torch.linspace(0.1, 5.0, N) ** 2
    probability = inclusion_probabilities(density, count)
    assert float(probability.sum()) == pytest.approx(count, abs=1e-6)
    drawn = [systematic(probability, count, torch.Generator().manual_seed(seed)) for seed in range(3000)]
    assert all(len(index.unique()) == count for index in drawn)
    share = torch.cat(drawn).bincount(minlength=N) / len(drawn)
    deviation = (share - probability) / (probability * (1 - probability) / len(drawn)).sqrt().clamp_min(1e-6)
    assert float(deviation.abs().max()) < 4.5


def test_points_that_would_come_twice_are_certain_and_the_others_share_the_rest_in_proportion() -> None:
    probability = inclusion_probabilities(torch.tensor([8.0, 1.0, 1.0, 2.0]), 2)
    torch.testing.assert_close(probability, torch.tensor([1.0, 0.25, 0.25, 0.5], dtype=torch.float64))


def test_weights_undo_the_probabilities() -> None:
    probability = inclusion_probabilities(torch.rand(N, generator=torch.Generator().manual_seed(1)) + 0.05, 16)
    values = torch.sin(7 * X)
    means = []
    for seed in range(4000):
        index = systematic(probability, 16, torch.Generator().manual_seed(seed))
        means.append((unbiased_weights(probability[index], N).double() * values[index]).mean())
    estimate = torch.stack(means)
    assert abs(float(estimate.mean() - values.mean())) < 3 * float(estimate.std()) / math.sqrt(len(means))


# Importance


def test_importance_draws_more_points_where_the_truth_is_steep() -> None:
    sampling = Importance(points=16).build(PROBLEM)
    near = [float(((X[index_of(draw(sampling, seed))] - 0.5).abs() < 0.1).float().mean()) for seed in range(200)]
    assert sum(near) / len(near) > 1.5 * 0.2


def test_the_weighted_loss_is_the_dense_loss_in_the_mean_with_less_variance_where_errors_are_steep() -> None:
    """Errors at the front: the mean over draws within 3 standard errors of the dense loss, and less spread."""
    error = torch.exp(-(((X - 0.5) / 0.03) ** 2))
    dense = float(error.mean())
    spread = {}
    for name, sampler in {"importance": Importance(points=16), "uniform": Uniform(points=16)}.items():
        sampling = sampler.build(PROBLEM)
        means = []
        for seed in range(2000):
            points = draw(sampling, seed)
            weights = 1.0 if points.weights is None else points.weights
            means.append(float((weights * error[index_of(points)]).mean()))
        estimate = torch.tensor(means)
        assert abs(float(estimate.mean()) - dense) < 3 * float(estimate.std()) / math.sqrt(len(means)), name
        spread[name] = float(estimate.std())
    assert spread["importance"] < 0.7 * spread["uniform"]


def test_no_weight_exceeds_one_over_the_floor() -> None:
    sampling = Importance(points=16, floor=0.25).build(PROBLEM)
    weights = [points.weights for seed in range(50) if (points := draw(sampling, seed)).weights is not None]
    assert len(weights) == 50
    assert max(float(each.max()) for each in weights) <= 4 + 1e-6


def test_steepness_has_no_unit_and_is_that_of_all_channels() -> None:
    both = torch.cat([FRONT, 1000 * FRONT.flip(2)], -1)
    torch.testing.assert_close(steepness(both, GRID), steepness(FRONT, GRID), rtol=1e-4, atol=1e-4)  # symmetric


def test_importance_by_error_follows_the_errors_it_is_shown() -> None:
    sampling = Importance(points=16, by="error").build(PROBLEM)
    _show(sampling, lambda x: 0.01 + (x > 0.8).float())
    late = [float((X[index_of(draw(sampling, seed))] > 0.8).float().mean()) for seed in range(200)]
    assert sum(late) / len(late) > 0.4


# Learning where the error is


def _show(sampling: Sampling, error_at: object, draws: int = 30) -> None:
    assert callable(error_at)
    for seed in range(draws):
        points = draw(sampling, seed)
        sampling.observe(points, error_at(points.coordinates[..., 0]).expand(3, 3, -1))


def test_a_residual_adaptive_sampler_leans_towards_errors_and_counts_them_alike() -> None:
    sampling = ResidualAdaptive(points=16).build(PROBLEM)
    before = [float((X[index_of(draw(sampling, seed))] > 0.8).float().mean()) for seed in range(200)]
    _show(sampling, lambda x: 0.01 + (x > 0.8).float())
    points = [draw(sampling, seed) for seed in range(200)]
    after = [float((X[index_of(each)] > 0.8).float().mean()) for each in points]
    assert sum(before) / 200 == pytest.approx(0.2, abs=0.02)
    assert sum(after) / 200 > 0.35
    assert all(each.weights is None for each in points)


def test_a_power_leans_more() -> None:
    shares = []
    for power in (0.0, 1.0, 2.0):
        sampling = ResidualAdaptive(points=8, power=power, uniform=0.1).build(PROBLEM)
        _show(sampling, lambda x: 0.1 + 0.9 * (x > 0.8).float())
        drawn = torch.cat([X[index_of(draw(sampling, seed))] for seed in range(200)])
        shares.append(float((drawn > 0.8).float().mean()))
    assert shares[0] < shares[1] < shares[2]


def test_the_error_map_averages_samples_and_frames_and_forgets_slowly() -> None:
    errors = ErrorMap(4)
    points = Points(coordinates=torch.zeros(2, 1), index=torch.tensor([1, 3]))
    errors.observe(points, torch.tensor([[[1.0, 4.0]], [[3.0, 4.0]]]))
    torch.testing.assert_close(errors.mean_square[[1, 3]], torch.tensor([2.0, 4.0]))
    torch.testing.assert_close(errors.root_mean_square(), torch.tensor([3.0, 2.0, 3.0, 4.0]).sqrt())
    errors.observe(points, torch.zeros(1, 1, 2))
    torch.testing.assert_close(errors.mean_square[[1, 3]], torch.tensor([1.8, 3.6]))
    each_sample = Points(coordinates=torch.zeros(2, 1, 1), index=torch.tensor([[0], [2]]))
    errors.observe(each_sample, torch.tensor([[[5.0]], [[7.0]]]))
    torch.testing.assert_close(errors.mean_square[[0, 2]], torch.tensor([5.0, 7.0]))


# Off the grid, and sets


def test_points_off_the_grid_carry_the_truth_of_the_trigonometric_polynomial() -> None:
    truth = torch.sin(2 * math.pi * 5 * X).float()[None, None, :, None].repeat(3, 4, 1, 1)
    points = draw(OffGrid(points=20).build(PROBLEM), 0, truth)
    assert points.index is None
    expected = torch.sin(2 * math.pi * 5 * points.coordinates[:, 0])[None, None, :, None].expand(3, 4, -1, -1)
    torch.testing.assert_close(points.read(truth), expected, rtol=1e-4, atol=1e-4)


def test_each_sample_and_each_frame_has_a_set_of_its_own() -> None:
    shapes = {
        "sample": (PerSample(sampler=Uniform(points=5)), (3, 5)),
        "frame": (PerFrame(sampler=Uniform(points=5)), (1, 3, 5)),
        "both": (PerFrame(sampler=PerSample(sampler=Uniform(points=5))), (3, 3, 5)),
    }
    for sampler, shape in shapes.values():
        points = draw(sampler.build(PROBLEM), 0)
        assert points.index is not None
        assert points.index.shape == shape
        assert len(points) == 5
        assert len(points.index.reshape(-1, 5).sort(-1).values.unique(dim=0)) == math.prod(shape[:-1])
        read = points.read(FRONT[:, 1:])
        for sample in range(3):
            for frame in range(3):
                its = points.index.reshape(-1, 5) if points.index.ndim == 1 else points.index
                own = its[sample] if its.ndim == 2 else its[min(sample, len(its) - 1), frame]
                torch.testing.assert_close(read[sample, frame], FRONT[sample, frame + 1, own])


def test_importance_for_each_sample_goes_by_its_own_truth() -> None:
    truth = torch.stack([FRONT[0], FRONT[0].roll(N // 4, 1)])
    sampling = PerSample(sampler=Importance(points=16)).build(PROBLEM)
    places = torch.stack([X[index_of(draw(sampling, seed, truth))] for seed in range(100)])
    first = ((places[:, 0] - 0.5).abs() < 0.1).float().mean()
    second = ((places[:, 1] - 0.75).abs() < 0.1).float().mean()
    assert min(float(first), float(second)) > 1.5 * 0.2


def test_points_of_samples_and_frames_are_cut_out_with_their_weights() -> None:
    sampling = PerFrame(sampler=PerSample(sampler=Importance(points=5))).build(PROBLEM)
    points = draw(sampling, 0)
    part = points.of_samples(1, 3).of_frame(2)
    assert points.index is not None
    assert points.weights is not None
    assert torch.equal(index_of(part), points.index[1:3, 1])
    assert part.weights is not None
    assert torch.equal(part.weights, points.weights[1:3, 1])


# Curricula


@pytest.mark.parametrize("shape", ["linear", "cosine", "exponential"])
def test_a_curriculum_is_exact_at_both_ends_and_grows_between(shape: str) -> None:
    spec = Curriculum(sampler=Uniform(points=1), start=0.125, end=0.5, shape=shape, over=0.5)  # type: ignore[arg-type]  # one of the four
    sampling = spec.build(PROBLEM)
    counts = [len(draw(sampling, 0, progress=progress)) for progress in (0.0, 0.1, 0.25, 0.4, 0.5, 1.0)]
    assert (counts[0], counts[-2], counts[-1]) == (8, 32, 32)
    assert counts == sorted(counts)
    middle = {"linear": 20, "cosine": 20, "exponential": 16}
    assert counts[2] == middle[shape]


def test_a_constant_curriculum_is_its_end_throughout() -> None:
    sampling = Curriculum(sampler=Stratified(points=1), end=0.25, shape="constant").build(PROBLEM)
    assert {len(draw(sampling, 0, progress=progress)) for progress in (0.0, 0.5, 1.0)} == {16}


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (Curriculum(sampler=Dense()), "sampler.use: Dense draws its own number of points"),
        (PerSample(sampler=PerSample(sampler=Dense())), "sampler.use: draws several sets itself"),
        (PerFrame(sampler=PerFrame(sampler=Dense())), "sampler.use: draws a set for each frame itself"),
        (Importance(points=N + 1), "points: 65 points asked, the grid has 64"),
        (OffGrid(points=None), "points: give either `points` or `fraction`; found neither"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_the_reason(sampler: Sampler, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        sampler.build(PROBLEM)
