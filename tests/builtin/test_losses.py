"""Each loss against a value that can be written down, and where its gradient goes."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from ups_framework.api import (
    Axis,
    Boundary,
    EncodedFrame,
    Field,
    Grid,
    Latent,
    LatentSize,
    LossTerm,
    Points,
    PredictedFrame,
    Problem,
    SpecError,
    Step,
)
from ups_framework.builtin.any_point_decoder import AnyPointDecoder
from ups_framework.builtin.grid_encoder import GridEncoder
from ups_framework.builtin.losses import (
    InverseDecoding,
    InverseEncoding,
    LatentForward,
    RelativeL2,
    Rollout,
    Spectral,
    relative_error,
)
from ups_framework.builtin.transformer import TransformerStack
from ups_framework.numerics.interpolation import cubic_stencil
from ups_framework.numerics.random import derived_seed

POINTS = 32
TERMS: list[LossTerm] = [RelativeL2(), Rollout(), InverseEncoding(), InverseDecoding(), LatentForward(), Spectral()]
EACH = pytest.mark.parametrize("loss", TERMS, ids=lambda loss: type(loss).__name__)


class Factor(nn.Module):
    """One weight."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(start))


class Keep(Factor):
    """An encoder whose tokens are the field times a factor."""

    def forward(self, values: Tensor, coordinates: Tensor, parameters: Tensor) -> Latent:
        return Latent(tokens=self.factor * values, positions=coordinates)


class Change(Factor):
    """An operator that maps tokens, and multiplies them."""

    def __init__(self, start: float, mapping: Callable[[Tensor], Tensor]) -> None:
        super().__init__(start)
        self.mapping = mapping

    def forward(self, latent: Latent, dt: Tensor, parameters: Tensor) -> Latent:
        return latent.with_tokens(self.factor * self.mapping(latent.tokens))


class Read(Factor):
    """A decoder that interpolates tokens, and multiplies them."""

    def __init__(self, start: float, grid: Grid) -> None:
        super().__init__(start)
        self.grid = grid

    def forward(self, latent: Latent, points: Tensor, index: Tensor | None) -> Tensor:
        return self.factor * cubic_stencil(self.grid, points)(latent.tokens)


class Recite(nn.Module):
    """A decoder that always gives the same field."""

    def __init__(self, field: Tensor) -> None:
        super().__init__()
        self.field = field

    def forward(self, latent: Latent, points: Tensor, index: Tensor | None) -> Tensor:
        return self.field.expand(len(latent.tokens), len(points), -1)


def problem_on(*shape: int, channels: int = 1, boundary: Boundary = "periodic") -> Problem:
    axes = tuple(Axis(name=name, boundary=boundary) for name in "xyz"[: len(shape)])
    grid = Grid(axes=axes, shape=shape, offset=(0.5,) * len(shape))
    return Problem(name="any", fields=(Field(name="u", components=channels),), grid=grid, dt=0.1)


LINE = problem_on(POINTS)


class Parts(nn.Module):
    """The least that a step needs: three parts, and what they decode is the prediction."""

    def __init__(self, problem: Problem, encoder: nn.Module, operator: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.problem, self.grid_points = problem, problem.grid.points()
        self.encoder, self.operator, self.decoder = encoder, operator, decoder

    def encode(self, values: Tensor, parameters: Tensor) -> Latent:
        latent: Latent = self.encoder(values, self.problem.grid.points(), parameters)
        return latent

    def decode(self, latent: Latent, points: Tensor, index: Tensor | None = None) -> Tensor:
        values: Tensor = self.decoder(latent, points, index)
        return values

    def first(self, start: EncodedFrame, parameters: Tensor) -> PredictedFrame:
        two_steps = torch.full((len(start.field),), 2.0)  # at the training data's own dt its logarithm is 0
        advanced = self.operator(start.latent, two_steps, parameters)
        return PredictedFrame(model=self, start=start, advanced=advanced)

    def next(self, frame: PredictedFrame, parameters: Tensor, *, cut: bool = False) -> PredictedFrame:
        return self.first(EncodedFrame(model=self, field=frame.start.field, latent=frame.advanced), parameters)

    def predict(self, frames: Sequence[PredictedFrame], points: Tensor, index: Tensor | None = None) -> Tensor:
        return torch.stack([self.decode(frame.advanced, points, index) for frame in frames], dim=1)


def exact(
    problem: Problem = LINE,
    *,
    encode: float = 1.0,
    advance: float = 1.0,
    decode: float = 1.0,
    mapping: Callable[[Tensor], Tensor] = lambda tokens: tokens,
) -> Parts:
    """A model whose three parts are one factor each."""
    return Parts(problem, Keep(encode), Change(advance, mapping), Read(decode, problem.grid))


def step_of(model: Parts, truth: Tensor, index: Tensor | None = None) -> Step:
    points = model.problem.grid.points()
    chosen = torch.arange(len(points)) if index is None else index
    supervised = Points(coordinates=points[chosen], index=chosen)
    return Step(model=model, truth=truth, parameters=torch.zeros(len(truth), 0), points=supervised)


def value(loss: LossTerm, model: Parts, truth: Tensor, index: Tensor | None = None) -> float:
    return loss.build(model.problem)(step_of(model, truth, index)).item()


def waves(*numbers: int, amplitudes: tuple[float, ...] = ()) -> Tensor:
    """One sample for each number of waves, without mean, as a (samples, points, 1) tensor."""
    x = (torch.arange(POINTS) + 0.5) / POINTS
    sizes = amplitudes or (1.0,) * len(numbers)
    return torch.stack([a * torch.sin(2 * math.pi * k * x) for k, a in zip(numbers, sizes, strict=True)])[..., None]


def still(field: Tensor, frames: int) -> Tensor:
    """A truth that stays as it is."""
    return field[:, None].repeat(1, frames, 1, 1)


def test_relative_l2_of_a_tenth_too_much_is_a_tenth() -> None:
    assert value(RelativeL2(), exact(advance=1.1), still(waves(1, 3), 2)) == pytest.approx(0.1, rel=1e-4)


def test_relative_l2_weighs_weak_samples_and_channels_like_strong_ones() -> None:
    truth = torch.ones(2, 1, POINTS, 2) * torch.tensor([[1.0, 100.0], [0.5, 300.0]])[:, None, None]
    errors = torch.tensor([[0.1, 0.2], [0.3, 0.6]])[:, None, None]
    found = relative_error(truth * (1 + errors), truth)
    torch.testing.assert_close(found, torch.tensor([[0.15], [0.45]]))


def test_a_sample_that_has_all_but_vanished_is_measured_against_a_hundredth_of_the_batch() -> None:
    truth = torch.stack([torch.ones(1, POINTS, 1), torch.full((1, POINTS, 1), 1e-6)])
    found = relative_error(truth + 1e-3, truth)[1, 0].item()
    assert found == pytest.approx(1e-3 / (0.01 * math.sqrt(0.5)), rel=1e-4)


def test_relative_l2_reads_the_first_frame_and_rollout_those_after_it() -> None:
    """The prediction of frame k is 1.2^k times the truth."""
    model, truth = exact(advance=1.2), still(waves(1, 2), 4)
    assert value(RelativeL2(), model, truth) == pytest.approx(0.2, rel=1e-4)
    assert value(Rollout(), model, truth) == pytest.approx((1.2**2 + 1.2**3) / 2 - 1, rel=1e-4)


@pytest.mark.parametrize(("loss", "steps"), [(RelativeL2(), 0), (LatentForward(), 0), (Spectral(), 0), (Rollout(), 1)])
def test_a_term_is_zero_where_nothing_is_predicted_for_it(loss: LossTerm, steps: int) -> None:
    assert value(loss, exact(advance=3.0), still(waves(1, 2), steps + 1)) == 0.0


@pytest.mark.parametrize("loss", [RelativeL2(), Rollout(), InverseEncoding()])
def test_only_the_supervised_points_count(loss: LossTerm) -> None:
    chosen = torch.tensor([3, 8, 30])
    truth = torch.full((1, 3, POINTS, 1), 5.0).index_fill(2, chosen, 1.0)
    model = Parts(LINE, Keep(1.0), Change(1.0, lambda tokens: tokens), Recite(torch.full((1, 1, 1), 1.1)))
    assert value(loss, model, truth, chosen) == pytest.approx(0.1, rel=1e-4)
    assert value(loss, model, truth) > 0.5


def test_the_rollout_term_trades_the_first_frame_for_later_ones() -> None:
    """Frames u, 1.5 u, 1.6 u: one step asks for the factor 1.5; with frame 2 in the loss its error, 0.41, vanishes."""
    truth = still(waves(1, 2), 3) * torch.tensor([1.0, 1.5, 1.6])[:, None, None]
    last: dict[str, float] = {}
    terms: dict[str, list[LossTerm]] = {"one step": [RelativeL2()], "rollout": [RelativeL2(), Rollout()]}
    for name, losses in terms.items():
        model = exact(advance=1.0)
        optimiser = torch.optim.SGD(model.operator.parameters(), lr=0.003)
        for _ in range(300):
            optimiser.zero_grad()
            step = step_of(model, truth)
            torch.stack([loss.build(LINE)(step) for loss in losses]).sum().backward()
            optimiser.step()
        last[name] = value(Rollout(), model, truth)
    assert last["one step"] == pytest.approx(1.5**2 / 1.6 - 1, abs=0.02)
    assert last["rollout"] < 0.02


def test_inverse_encoding_is_the_relative_error_of_the_reconstruction() -> None:
    truth = still(waves(1, 2), 1)
    assert value(InverseEncoding(), exact(encode=2.0, decode=0.5), truth) == pytest.approx(0.0, abs=1e-5)
    assert value(InverseEncoding(), exact(encode=2.0, decode=0.3), truth) == pytest.approx(0.4, rel=1e-4)


def test_inverse_decoding_is_the_relative_error_of_encoding_what_was_decoded() -> None:
    truth = still(waves(1, 2), 1)
    assert value(InverseDecoding(), exact(encode=2.0, decode=0.5), truth) == pytest.approx(0.0, abs=1e-5)
    assert value(InverseDecoding(), exact(encode=2.0, decode=0.3), truth) == pytest.approx(0.4, rel=1e-4)


def test_inverse_decoding_decodes_the_whole_grid_whatever_is_supervised() -> None:
    model, truth = exact(encode=2.0, decode=0.3), still(waves(1, 2), 1)
    assert value(InverseDecoding(), model, truth, torch.tensor([4])) == value(InverseDecoding(), model, truth)


def test_the_target_of_inverse_decoding_is_held_fixed() -> None:
    """A decoder that always recites w leaves |a w − z| / |z|, a the encoder's factor and z its encoding of u.

    For orthogonal u and w of one size that is √2 at a = 1; held fixed, z lets it change with a at the rate 1 / √2.
    If z followed a, both would grow alike and nothing would change.
    """
    u, w = waves(1), waves(2)
    model = Parts(LINE, encoder := Keep(1.0), Change(1.0, lambda tokens: tokens), Recite(w))
    truth = still(u, 1).requires_grad_()
    loss = InverseDecoding().build(LINE)(step_of(model, truth))
    loss.backward()
    assert loss.item() == pytest.approx(math.sqrt(2), rel=1e-4)
    assert encoder.factor.grad is not None
    assert encoder.factor.grad.item() == pytest.approx(1 / math.sqrt(2), rel=1e-4)
    assert truth.grad is None or not truth.grad.any()


def test_latent_forward_is_zero_when_the_operator_does_in_the_latent_what_the_truth_does() -> None:
    truth = still(waves(1, 2), 3) * torch.tensor([1.0, 1.3, 1.3**2])[:, None, None]
    assert value(LatentForward(), exact(encode=0.7, advance=1.3), truth) == pytest.approx(0.0, abs=1e-5)


def test_latent_forward_averages_the_relative_errors_of_all_frames() -> None:
    expected = ((1.2 - 1) + (1.2**2 - 1)) / 2
    assert value(LatentForward(), exact(encode=0.7, advance=1.2), still(waves(1, 2), 3)) == pytest.approx(expected)


def test_a_constant_in_all_tokens_does_not_make_latent_forward_small() -> None:
    """Errors are measured against how much tokens differ, so a latent cannot hide behind a large mean."""
    field = waves(1, 2)
    shift = 0.1 * waves(3, 4)
    errors = [
        value(LatentForward(), exact(mapping=lambda tokens: tokens + shift), still(field + mean, 2))
        for mean in (0.0, 50.0)
    ]
    assert errors == pytest.approx([0.1, 0.1], rel=1e-3)


def test_the_target_of_latent_forward_is_held_fixed() -> None:
    """With an operator f the loss is |f a u − z₁| / |z₁|, which grows with the encoder's factor a as f / a."""
    model, truth = exact(encode=2.0, advance=1.5), still(waves(1, 2), 2).requires_grad_()
    LatentForward().build(LINE)(step_of(model, truth)).backward()
    (factor,) = model.encoder.parameters()
    assert factor.grad is not None
    assert factor.grad.item() == pytest.approx(1.5 / 2.0, rel=1e-4)
    assert truth.grad is not None
    assert truth.grad[:, 0].any()
    assert not truth.grad[:, 1].any()


def turned(by: int) -> Callable[[Tensor], Tensor]:
    return lambda tokens: tokens.roll(by, dims=1)


@pytest.mark.parametrize("by", [0, 1, 7])
def test_the_spectral_loss_does_not_see_where_things_are(by: int) -> None:
    truth = still(waves(1, 3) + 0.5 * waves(2, 5) + 0.3, 2)
    assert value(Spectral(), exact(mapping=turned(by)), truth) == pytest.approx(0.0, abs=1e-5)
    assert value(Spectral(), exact(advance=1.2, mapping=turned(by)), truth) == pytest.approx(0.2, rel=1e-4)


def test_the_spectral_loss_of_a_wave_of_the_wrong_length_is_the_root_of_two() -> None:
    model = exact(mapping=lambda tokens: waves(5, 2))
    assert value(Spectral(), model, still(waves(3, 4), 2)) == pytest.approx(math.sqrt(2), rel=1e-4)


def test_the_spectral_loss_is_averaged_over_the_predicted_frames() -> None:
    assert value(Spectral(), exact(advance=0.8), still(waves(1, 3), 3)) == pytest.approx((0.2 + 0.36) / 2, rel=1e-4)


def test_the_spectral_loss_sees_shifts_along_no_axis_of_a_plane() -> None:
    problem = problem_on(8, 12, channels=2)
    field = torch.randn(2, 96, 2, generator=torch.Generator().manual_seed(0))

    def both(tokens: Tensor) -> Tensor:
        return torch.unflatten(tokens, 1, (8, 12)).roll((3, 5), (1, 2)).flatten(1, 2)

    truth = still(field, 2)
    assert value(Spectral(), exact(problem, mapping=both), truth) == pytest.approx(0.0, abs=1e-5)
    assert value(Spectral(), exact(problem, advance=1.5, mapping=both), truth) == pytest.approx(0.5, rel=1e-4)


def test_the_spectral_loss_reads_the_whole_grid_whatever_is_supervised() -> None:
    model, truth = exact(advance=1.2), still(waves(1, 3), 2)
    assert value(Spectral(), model, truth, torch.tensor([4])) == value(Spectral(), model, truth)


def test_the_spectral_loss_refuses_walls() -> None:
    with pytest.raises(SpecError, match=r"^use: a Fourier spectrum needs periodic axes; x, y has walls"):
        Spectral().build(problem_on(8, 8, boundary="neumann"))


@EACH
@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_no_loss_depends_on_the_unit_of_the_field(loss: LossTerm, unit: float) -> None:
    model = exact(encode=0.9, advance=1.2, decode=0.8, mapping=lambda tokens: tokens + 0.1 * tokens.roll(3, 1))
    truth = still(waves(1, 2) + 0.3, 4)
    plain = value(loss, model, truth)
    assert plain > 0.05
    assert value(loss, model, unit * truth) == pytest.approx(plain, rel=1e-4)


@EACH
def test_every_loss_of_a_perfect_model_is_zero_and_its_gradient_finite(loss: LossTerm) -> None:
    model = exact()
    result = loss.build(LINE)(step_of(model, still(waves(1, 2), 4)))
    result.backward()
    assert result.item() == pytest.approx(0.0, abs=1e-5)
    assert all(weight.grad is None or weight.grad.isfinite() for weight in model.parameters())


def real() -> Parts:
    """The builtin parts at small size, the operator moved off its start."""
    size = LatentSize(tokens=8, width=8)
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(0, "weights"))
        parts = (
            GridEncoder(channels=8).build(LINE, size),
            TransformerStack(depth=1, width=16, heads=2).build(LINE, size),
            AnyPointDecoder(channels=8, heads=2).build(LINE, size),
        )
        with torch.no_grad():
            for weight in parts[1].parameters():
                weight.add_(0.1 * torch.randn(weight.shape))
    return Parts(LINE, *parts)


REACHES = {
    RelativeL2: {"encoder", "operator", "decoder"},
    Rollout: {"encoder", "operator", "decoder"},
    Spectral: {"encoder", "operator", "decoder"},
    LatentForward: {"encoder", "operator"},
    InverseEncoding: {"encoder", "decoder"},
    InverseDecoding: {"encoder", "decoder"},
}


@EACH
def test_the_gradient_reaches_every_weight_of_the_parts_that_a_loss_is_about_and_no_other(loss: LossTerm) -> None:
    model = real()
    field = waves(1, 2)
    truth = torch.stack([field.roll(2 * frame, dims=1) for frame in range(3)], dim=1)
    loss.build(LINE)(step_of(model, truth)).backward()
    for part in ("encoder", "operator", "decoder"):
        weights = dict(model.get_submodule(part).named_parameters())
        moved = {name for name, weight in weights.items() if weight.grad is not None and weight.grad.any()}
        assert moved == (weights.keys() if part in REACHES[type(loss)] else set()), part


@pytest.mark.parametrize("loss", [InverseEncoding(), InverseDecoding()])
def test_an_inverse_loss_falls_when_it_is_trained(loss: LossTerm) -> None:
    model, term = real(), loss.build(LINE)
    truth = still(waves(1, 2, 3, 1, amplitudes=(1.0, 0.5, 0.7, -0.4)), 1)
    optimiser = torch.optim.Adam([*model.encoder.parameters(), *model.decoder.parameters()], lr=5e-3)
    course = []
    for _ in range(60):
        optimiser.zero_grad()
        result = term(step_of(model, truth))
        result.backward()
        optimiser.step()
        course.append(result.item())
    assert course[-1] < 0.3 * course[0]
