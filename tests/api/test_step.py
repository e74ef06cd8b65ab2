"""What a loss term reads: computed on first use, once, and cut where it should be."""

from collections.abc import Sequence

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Axis, EncodedFrame, Field, Grid, Latent, Points, PredictedFrame, Problem, Step

GRID = Grid(axes=(Axis(name="x"),), shape=(6,), offset=(0.5,))
PROBLEM = Problem(name="growth", fields=(Field(name="u"),), grid=GRID, dt=1.0)
CHOSEN = torch.tensor([4, 1])


class Growth:
    """The latent is the field; each step multiplies it by the parameter; counts how often each part is used."""

    problem = PROBLEM
    grid_points = GRID.points()

    def __init__(self) -> None:
        self.encoded, self.advanced, self.decoded = 0, 0, 0

    def encode(self, values: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]) -> Latent:
        self.encoded += 1
        return Latent(tokens=values, positions=GRID.points(), grid=GRID.shape)

    def decode(
        self, latent: Latent, points: Float[Tensor, "Q d"], index: Tensor | None = None
    ) -> Float[Tensor, "B Q C"]:
        self.decoded += 1
        return latent.tokens[:, (points[:, 0] * GRID.num_points).long()]

    def first(self, start: EncodedFrame, parameters: Float[Tensor, "B P"]) -> PredictedFrame:
        self.advanced += 1
        advanced = start.latent.with_tokens(start.latent.tokens * parameters[:, :, None])
        return PredictedFrame(model=self, start=start, advanced=advanced)

    def next(self, frame: PredictedFrame, parameters: Float[Tensor, "B P"], *, cut: bool = False) -> PredictedFrame:
        tokens = frame.advanced.tokens.detach() if cut else frame.advanced.tokens
        return self.first(EncodedFrame(model=self, field=tokens, latent=frame.advanced.with_tokens(tokens)), parameters)

    def predict(
        self, frames: Sequence[PredictedFrame], points: Float[Tensor, "Q d"], index: Tensor | None = None
    ) -> Float[Tensor, "B frames Q C"]:
        return torch.stack([self.decode(frame.advanced, points) for frame in frames], dim=1)


def step_of(model: Growth, rate: Tensor, frames: int, *, detach_every: int = 0, whole_grid: bool = False) -> Step:
    """Two samples that begin with 1 … 6 and 7 … 12; the truth of frame k is the start + 100 k."""
    start = torch.arange(1.0, 13.0).reshape(2, 1, 6, 1)
    return Step(
        model=model,
        truth=start + 100 * torch.arange(float(frames)).reshape(1, -1, 1, 1),
        parameters=rate.expand(2, 1),
        points=Points(coordinates=GRID.points()[CHOSEN], index=CHOSEN),
        whole_grid=whole_grid,
        detach_every=detach_every,
    )


def test_frames_are_predicted_from_the_first_and_compared_with_those_after_it() -> None:
    step = step_of(Growth(), torch.tensor(2.0), frames=3)
    assert step.num_steps == 2
    assert step.prediction[..., 0].tolist() == [[[10, 4], [20, 8]], [[22, 16], [44, 32]]]
    assert step.target[..., 0].tolist() == [[[105, 102], [205, 202]], [[111, 108], [211, 208]]]


def test_on_the_grid_the_prediction_is_the_same_at_the_chosen_points() -> None:
    step = step_of(Growth(), torch.tensor(2.0), frames=3)
    assert step.prediction_on_grid.shape == (2, 2, 6, 1)
    assert torch.equal(step.prediction_on_grid[:, :, CHOSEN], step.prediction)


def test_a_reconstruction_is_that_of_the_given_frame() -> None:
    step = step_of(Growth(), torch.tensor(2.0), frames=1)
    assert step.num_steps == 0
    assert step.reconstruction[..., 0].tolist() == [[5, 2], [11, 8]]
    assert torch.equal(step.reconstruction, step.reconstruction_target)
    assert torch.equal(step.reconstruction_on_grid, step.truth[:, 0])


def test_nothing_is_computed_before_it_is_asked_for_and_nothing_twice() -> None:
    model = Growth()
    step = step_of(model, torch.tensor(2.0), frames=4)
    assert (model.encoded, model.advanced, model.decoded) == (0, 0, 0)
    assert step.prediction is step.prediction
    assert step.advanced(2) is step.advanced(2)
    assert (model.encoded, model.advanced, model.decoded) == (1, 3, 3)
    assert step.encoded(2) is step.encoded(2)
    assert model.encoded == 2


@pytest.mark.parametrize(("detach_every", "power"), [(0, 3), (1, 1), (2, 1), (3, 3)])
def test_the_gradient_of_frame_three_reaches_back_to_the_last_cut(detach_every: int, power: int) -> None:
    """Frame 3 is rate³ u; cut before its last p factors it is constant · rate^p, with derivative p · frame / rate."""
    rate = torch.tensor(2.0, requires_grad=True)
    step = step_of(Growth(), rate, frames=4, detach_every=detach_every)
    frame = step.advanced(3).tokens.sum()
    (gradient,) = torch.autograd.grad(frame, rate)
    assert gradient.item() == pytest.approx(power * frame.item() / 2.0)


def test_a_cut_changes_no_value() -> None:
    whole, cut = (step_of(Growth(), torch.tensor(2.0), frames=4, detach_every=every) for every in (0, 1))
    assert torch.equal(whole.prediction, cut.prediction)


def test_with_the_whole_grid_decoded_the_chosen_points_are_picked_from_it() -> None:
    model = Growth()
    at_points, picked = (step_of(model, torch.tensor(2.0), frames=3, whole_grid=whole) for whole in (False, True))
    assert torch.equal(at_points.prediction, picked.prediction)
    assert torch.equal(at_points.reconstruction, picked.reconstruction)
    decoded = model.decoded
    assert picked.prediction_on_grid.shape == (2, 2, 6, 1)
    assert model.decoded == decoded
