"""What guards promise holds: exactly, in float32, and no more than that is changed."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from ups_physics_priors.divergence import DivergenceNorm, MeanAbsoluteDivergence
from ups_physics_priors.guards import ClampPositive, ProjectDivergenceFree, ProjectMean

from ups_framework.api import Axis, Field, Grid, Problem, Quantity
from ups_framework.numerics.derivative import divergence, gradient_square
from ups_framework.plugins import Registry


def torus(*shape: int) -> Grid:
    """Axes of different lengths."""
    axes = tuple(Axis(name=name, upper=length) for name, length in zip("xyz", (1.0, 2.5, 4.0), strict=False))
    return Grid(axes=axes[: len(shape)], shape=shape, offset=(0.5,) * len(shape))


def flow_on(grid: Grid) -> Problem:
    fields = (Field(name="density"), Field(name="velocity", components=len(grid.axes)))
    return Problem(name="flow", fields=fields, grid=grid, dt=0.1)


def noise(problem: Problem, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(2, problem.grid.num_points, problem.num_channels, generator=draw)


def smooth(problem: Problem) -> Tensor:
    """One wave, or two, a domain: what rounding spoils most, in units of its gradient."""
    turns = [problem.grid.points()[:, index] / axis.length for index, axis in enumerate(problem.axes)]
    angle = 2 * math.pi * torch.stack(turns, dim=-1)
    waves = [(angle.sum(-1) + channel).sin() * (angle[:, 0] + channel).cos() for channel in range(problem.num_channels)]
    return torch.stack(waves, dim=-1).expand(2, -1, -1)


def relative_divergence(problem: Problem, values: Tensor) -> float:
    vector = values[..., problem.channels("velocity")]
    found, gradient = divergence(vector, problem.grid), gradient_square(vector, problem.grid)
    return (found.square().mean() / gradient.mean()).sqrt().item()


@pytest.mark.parametrize("shape", [(16, 16), (15, 18), (9, 7), (8, 6, 10), (128, 128)])
@pytest.mark.parametrize("make", [noise, smooth])
def test_a_projected_flow_has_no_divergence_and_its_mean_and_other_fields_are_untouched(
    shape: tuple[int, ...], make: Callable[[Problem], Tensor]
) -> None:
    """Below 1e-5 of the gradient in float32, by the derivatives of the metric, with odd and even numbers of points."""
    problem = flow_on(torus(*shape))
    values = make(problem) + 0.5
    projected = ProjectDivergenceFree().build(problem)(values, values)
    assert relative_divergence(problem, values) > 0.1
    assert relative_divergence(problem, projected) < 1e-5
    assert torch.equal(projected[..., 0], values[..., 0])
    assert (projected.double().mean(1) - values.double().mean(1)).abs().max().item() < 1e-7
    assert DivergenceNorm().build(problem)(projected[None], values[None], problem.grid).max().item() < 2e-6


@pytest.mark.parametrize("points", [32, 64])
def test_a_projected_prediction_of_a_decaying_flow_has_no_divergence_but_its_numbers_last_bit(
    registry: Registry, tmp_path: Path, points: int
) -> None:
    """Mean absolute, in 1/time: far below 1e-6; what float32 adds is what the true flow has in float32."""
    dataset = registry.find("dataset", "navier_stokes_decaying").spec
    spec = dataset(fields="velocity", points=points, viscosity=4e-3, frames=2, dt=0.01, train=2, validation=1, test=1)
    data = spec.build(folder=tmp_path, device=torch.device("cpu"), report=lambda line: None)
    truth = data.train.values[:, 0]
    prediction = truth + 0.3 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
    correct, measure = ProjectDivergenceFree().build(data.problem), MeanAbsoluteDivergence().build(data.problem)

    def measured(values: Tensor) -> float:
        return measure(values[:, None], truth[:, None], data.problem.grid).mean().item()

    assert measured(prediction) > 0.5
    assert measured(correct(prediction.double(), truth.double())) < 1e-12
    floor = 5e-8 * truth.square().mean().sqrt().item() * points
    assert measured(truth) == pytest.approx(floor, rel=0.1)
    assert measured(correct(prediction, truth)) == pytest.approx(floor, rel=0.15)


def test_what_the_projection_takes_away_is_orthogonal_to_what_it_leaves() -> None:
    """So it is the nearest flow without divergence; a flow that has none stays, waves of two points included."""
    problem = flow_on(torus(16, 18))
    values = noise(problem).double()
    projected = ProjectDivergenceFree().build(problem)(values, values)
    taken = values - projected
    assert (taken * projected).sum((1, 2)).abs().max().item() < 1e-9
    again = ProjectDivergenceFree().build(problem)(projected, values)
    assert (again - projected).abs().max().item() < 1e-12


def test_the_curl_of_a_stream_function_stays_and_a_gradient_goes() -> None:
    problem = flow_on(torus(32, 32))
    x, y = (2 * math.pi * problem.grid.points() / torch.tensor([1.0, 2.5])).unbind(1)
    curl = torch.stack([0 * x, x.sin() * y.cos() / 2.5, -x.cos() * y.sin()], -1)
    gradient = torch.stack([0 * x, x.cos() * y.sin(), x.sin() * y.cos() / 2.5], -1)
    correct = ProjectDivergenceFree(field="velocity").build(problem)
    found = correct((curl + 3 * gradient)[None], curl[None])
    assert (found[0] - curl).abs().max().item() < 1e-6


def test_the_projection_is_its_own_adjoint_so_gradients_are_projected() -> None:
    problem = flow_on(torus(8, 10))
    correct, values = ProjectDivergenceFree().build(problem), noise(problem).double().requires_grad_()
    direction = noise(problem, 1).double()
    (gradient,) = torch.autograd.grad((correct(values, values) * direction).sum(), values)
    assert (gradient - correct(direction, direction)).abs().max().item() < 1e-12


def test_the_mean_of_what_is_conserved_is_that_of_the_frame_before_over_a_hundred_steps() -> None:
    grid = torus(64)
    fields = (Field(name="u"), Field(name="tracer"), Field(name="heat"))
    conserved = (
        Quantity(name="mass", field="u"),
        Quantity(name="energy", field="u", power=2),
        Quantity(name="warmth", field="heat"),
    )
    problem = Problem(name="wave", fields=fields, grid=grid, dt=0.1, conserved=conserved)
    start = frame = noise(problem)
    correct = ProjectMean().build(problem)
    for step in range(100):
        predicted = frame + 0.3 + 0.1 * noise(problem, step)
        frame = correct(predicted, frame)
        assert torch.equal(frame[..., 1], predicted[..., 1])
    drift = frame.double().mean(1) - start.double().mean(1)
    assert drift[:, [0, 2]].abs().max().item() < 1e-6
    only = ProjectMean(quantity="warmth").build(problem)(start + 1, start)
    assert torch.equal(only[..., 0], start[..., 0] + 1)
    assert only[..., 2].mean().item() == pytest.approx(start[..., 2].mean().item(), abs=1e-6)


def test_a_shift_is_the_same_everywhere() -> None:
    problem = Problem(
        name="wave", fields=(Field(name="u"),), grid=torus(16), dt=0.1, conserved=(Quantity(name="mass", field="u"),)
    )
    values, before = noise(problem), noise(problem, 1)
    moved = ProjectMean().build(problem)(values, before) - values
    assert (moved - moved[:, :1]).abs().max().item() < 1e-6


def test_clamping_takes_negative_values_and_their_gradient_away_and_nothing_else() -> None:
    problem = flow_on(torus(2, 2))
    values = torch.tensor([[1.0, -1.0, 2.0], [-0.5, 1.0, -3.0], [0.25, 1.0, 1.0], [-2.0, 1.0, 1.0]])[None]
    values.requires_grad_()
    found = ClampPositive(field="density").build(problem)(values, values)
    assert found[0, :, 0].tolist() == [1.0, 0.0, 0.25, 0.0]
    assert torch.equal(found[..., 1:], values[..., 1:])
    (gradient,) = torch.autograd.grad(found[..., 0].sum(), values)
    assert gradient[0, :, 0].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert ClampPositive().build(problem)(values, values).min().item() == 0.0
