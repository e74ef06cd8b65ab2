"""Decoding at any points: the same everywhere it is asked for, without seams, as fine as the training grid."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from ups_framework.api import Axis, Boundary, Field, Grid, Latent, LatentSize, Problem, SpecError
from ups_framework.builtin.any_point_decoder import AnyPointDecoder
from ups_framework.builtin.patches import divide
from ups_framework.numerics.random import derived_seed

P: Boundary = "periodic"
D: Boundary = "dirichlet"
FIELDS = (Field(name="rho"), Field(name="velocity", components=2), Field(name="p"))
TOKENS, WIDTH = 8, 6


def problem_on(*shape: int, boundaries: tuple[Boundary, ...] = ()) -> Problem:
    """Four channels on a grid over axes from -1 to 2."""
    kinds = boundaries or (P,) * len(shape)
    axes = tuple(Axis(name=n, lower=-1.0, upper=2.0, boundary=kind) for n, kind in zip("xyz", kinds, strict=False))
    return Problem(name="flow", fields=FIELDS, grid=Grid(axes=axes, shape=shape, offset=(0.5,) * len(shape)), dt=1.0)


LINE, PLANE, MIXED = problem_on(64), problem_on(16, 64), problem_on(16, 16, boundaries=(P, D))
BOX = problem_on(8, 8, 16, boundaries=(P, D, P))
ALL = pytest.mark.parametrize("problem", [LINE, PLANE, MIXED, BOX], ids=["line", "plane", "mixed", "box"])


def decoder_for(problem: Problem, **settings: object) -> nn.Module:
    """In double precision, so that seams cannot hide in rounding."""
    spec = AnyPointDecoder(**{"channels": 24, "heads": 2, **settings})  # type: ignore[arg-type]  # its fields
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(0, "weights"))
        return spec.build(problem, LatentSize(tokens=TOKENS, width=WIDTH)).double().eval()


def latent_of(problem: Problem, batch: int = 2) -> Latent:
    patches = divide(problem, LatentSize(tokens=TOKENS, width=WIDTH))
    values = torch.randn(batch, TOKENS, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return Latent(tokens=values, positions=patches.grid.points().double(), grid=patches.tokens)


def anywhere(problem: Problem, count: int) -> Tensor:
    place = torch.rand(count, len(problem.axes), dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return -1.0 + 3.0 * place


@ALL
def test_decoding_a_subset_is_decoding_all_and_picking(problem: Problem) -> None:
    decoder, latent = decoder_for(problem).float(), latent_of(problem)
    latent = Latent(tokens=latent.tokens.float(), positions=latent.positions.float(), grid=latent.grid)
    points = problem.grid.points()
    chosen = torch.randperm(len(points), generator=torch.Generator().manual_seed(3))[:17]
    everything = decoder(latent, points, torch.arange(len(points)))
    assert everything.shape == (2, len(points), 4)
    for index in (chosen, None):
        torch.testing.assert_close(decoder(latent, points[chosen], index), everything[:, chosen], rtol=0, atol=1e-5)
    each = torch.stack([chosen, chosen.flip(0)])
    found = decoder(latent, points[each], each)
    torch.testing.assert_close(found[0], everything[0, chosen], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[1], everything[1, chosen.flip(0)], rtol=0, atol=1e-5)


@ALL
@pytest.mark.parametrize("count", [1, 2, 5, 700])
def test_any_number_of_points_on_the_grid_or_off_it(problem: Problem, count: int) -> None:
    decoder, latent = decoder_for(problem), latent_of(problem)
    points = anywhere(problem, 700)
    part = decoder(latent, points[:count], None)
    assert part.shape == (2, count, 4)
    torch.testing.assert_close(part, decoder(latent, points, None)[:, :count])


def test_a_sample_is_decoded_alone_as_in_its_batch() -> None:
    decoder, latent, points = decoder_for(PLANE), latent_of(PLANE), anywhere(PLANE, 50)
    alone = decoder(latent.with_tokens(latent.tokens[1:]), points, None)
    torch.testing.assert_close(alone, decoder(latent, points, None)[1:])


@pytest.mark.parametrize("problem", [LINE, PLANE, MIXED], ids=["line", "plane", "mixed"])
@pytest.mark.parametrize("heads", [0, 2])
def test_there_is_no_jump_between_patches_between_grid_points_or_at_the_periodic_end(
    problem: Problem, heads: int
) -> None:
    """Along lines through the domain, on both sides of every grid point, cell border and patch border, and of -1."""
    decoder, latent = decoder_for(problem, heads=heads), latent_of(problem)
    for axis, item in enumerate(problem.axes):
        borders = torch.arange(0, 2 * problem.grid.shape[axis], dtype=torch.float64) * problem.grid.spacing[axis] / 2
        points = anywhere(problem, 1).repeat(len(borders), 1)
        points[:, axis] = -1.0 + borders
        sides = []
        for side in (-1e-9, 1e-9):
            beside = points.clone()
            beside[:, axis] += side
            sides.append(decoder(latent, beside if item.periodic else beside.clamp(min=-1.0), None))
        torch.testing.assert_close(sides[0], sides[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("problem", [LINE, PLANE, MIXED], ids=["line", "plane", "mixed"])
def test_a_point_and_its_image_a_period_away_decode_alike(problem: Problem) -> None:
    decoder, latent, points = decoder_for(problem), latent_of(problem), anywhere(problem, 50)
    for axis, item in enumerate(problem.axes):
        image = points.clone()
        image[:, axis] += item.length
        difference = (decoder(latent, image, None) - decoder(latent, points, None)).abs().max()
        assert (difference < 1e-5) == item.periodic


def test_turning_periodic_tokens_by_one_moves_the_field_by_a_patch() -> None:
    decoder, latent, points = decoder_for(PLANE), latent_of(PLANE), anywhere(PLANE, 100)
    assert latent.grid == (2, 4)
    field = decoder(latent, points, None)
    for axis, count in enumerate(latent.grid):
        turned = latent.with_tokens(latent.tokens.unflatten(1, latent.grid).roll(1, 1 + axis).flatten(1, 2))
        moved = points.clone()
        moved[:, axis] += 3.0 / count
        torch.testing.assert_close(decoder(turned, moved, None), field, rtol=0, atol=1e-5)


def reached(problem: Problem, heads: int, token: int) -> list[int]:
    """Patches of the line, of 8 points each, whose values change with one token."""
    decoder, latent = decoder_for(problem, heads=heads), latent_of(problem, batch=1)
    changed = latent.tokens.clone()
    changed[0, token] += 1.0
    points = problem.grid.points().double()
    difference: Tensor = decoder(latent.with_tokens(changed), points, None) - decoder(latent, points, None)
    moved = difference[0].abs().amax(-1).reshape(8, 8).amax(1) > 0
    return [patch for patch, did in enumerate(moved) if did]


def test_without_attention_a_token_reaches_its_own_and_neighbouring_patches_round_the_periodic_end() -> None:
    assert reached(LINE, heads=0, token=3) == [2, 3, 4]
    assert reached(LINE, heads=0, token=0) == [0, 1, 7]
    assert reached(problem_on(64, boundaries=(D,)), heads=0, token=0) == [0, 1]


def test_in_the_plane_a_token_reaches_the_patches_around_it_round_the_periodic_axis_only() -> None:
    """A token at a corner of 4 × 4 patches of 4 × 4 points, on a plane with walls in y."""
    decoder = AnyPointDecoder(channels=24, heads=0).build(MIXED, LatentSize(tokens=16, width=WIDTH)).double()
    values = torch.zeros(1, 16, WIDTH, dtype=torch.float64)
    latent = Latent(tokens=values, positions=torch.zeros(16, 2, dtype=torch.float64), grid=(4, 4))
    changed = latent.with_tokens(values.index_fill(1, torch.tensor(0), 1.0))
    points = MIXED.grid.points().double()
    moved = (decoder(changed, points, None) - decoder(latent, points, None))[0].abs().amax(-1) > 0
    patches = moved.reshape(4, 4, 4, 4).any(3).any(1)
    around = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0]])
    assert torch.equal(patches, around.bool())


def test_with_attention_a_token_reaches_every_point() -> None:
    assert reached(LINE, heads=2, token=3) == list(range(8))


class Largest(TorchDispatchMode):
    """Remembers the most elements that any tensor had."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not say
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # as torch has it
        result = func(*args, **(kwargs or {}))
        for item in result if isinstance(result, tuple | list) else (result,):
            if isinstance(item, Tensor):
                self.elements = max(self.elements, item.numel())
        return result


@pytest.mark.parametrize("problem", [LINE, PLANE], ids=["line", "plane"])
def test_between_grid_points_more_points_decode_nothing_more(problem: Problem) -> None:
    decoder, latent = decoder_for(problem), latent_of(problem, batch=1)
    flops, largest = [], []
    for count in (1024, 4096):
        counter, memory = FlopCounterMode(display=False), Largest()
        with torch.no_grad(), counter, memory:
            decoder(latent, anywhere(problem, count), None)
        flops.append(counter.get_total_flops())
        largest.append(memory.elements)
    assert flops[1] == flops[0]
    assert largest[1] / largest[0] < 4.1
    assert largest[1] < 4096**2 / 50


@pytest.mark.parametrize("problem", [LINE, PLANE], ids=["line", "plane"])
def test_of_the_grid_only_the_points_asked_for_are_decoded(problem: Problem) -> None:
    decoder, latent, points = decoder_for(problem), latent_of(problem, batch=1), problem.grid.points().double()

    def flops(count: int) -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            decoder(latent, points[:count], torch.arange(count))
        return int(counter.get_total_flops())

    assert flops(64) - flops(32) == 2 * (flops(32) - flops(16)) > 0


def test_between_grid_points_fields_are_the_cubic_through_those_around() -> None:
    """Also of a decoder whose values are far from any cubic: what is known at the grid's points is all there is."""
    decoder, latent = decoder_for(LINE), latent_of(LINE)
    nodes = decoder(latent, LINE.grid.points().double(), torch.arange(64))
    middle = LINE.grid.points().double()[10:11] + LINE.grid.spacing[0] / 2
    expected = (-nodes[:, 9] + 9 * nodes[:, 10] + 9 * nodes[:, 11] - nodes[:, 12]) / 16
    torch.testing.assert_close(decoder(latent, middle, None)[:, 0], expected, rtol=0, atol=1e-5)


def fitted(problem: Problem, decoder: nn.Module, points: Tensor, wanted: Tensor, steps: int) -> float:
    """Relative error at the points after fitting decoder and tokens to one field."""
    latent = latent_of(problem, batch=1)
    tokens = latent.tokens.float().requires_grad_()
    places = Latent(tokens=tokens, positions=latent.positions.float(), grid=latent.grid)
    optimiser = torch.optim.Adam([tokens, *decoder.parameters()], lr=1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        error: Tensor = (decoder(places, points, None) - wanted).square().mean() / wanted.square().mean()
        error.backward()
        optimiser.step()
    return error.sqrt().item()


@pytest.mark.parametrize("waves", [3, 16, 32])
@pytest.mark.parametrize("heads", [0, 2])
def test_a_wave_up_to_the_training_grids_nyquist_can_be_decoded(waves: int, heads: int) -> None:
    """Up to 32 waves on 64 points from 8 tokens: error below 0.05 at the grid points, where the wave is known."""
    decoder = decoder_for(LINE, heads=heads).float()
    points = LINE.grid.points()
    wanted = torch.sin(2 * math.pi * waves * (points + 1) / 3)[None].expand(1, -1, 4)
    error = fitted(LINE, decoder, points, wanted, 150)
    assert error < 0.05


def test_between_the_grid_points_half_the_nyquist_frequency_can_be_decoded() -> None:
    """16 waves on 64 points, asked for at 256."""
    decoder = decoder_for(LINE).float()
    points = -1 + 3 * (torch.arange(256)[:, None] + 0.5) / 256
    wanted = torch.sin(2 * math.pi * 16 * (points + 1) / 3)[None].expand(1, -1, 4)
    error = fitted(LINE, decoder, points, wanted, 200)
    assert error < 0.1


def loud(problem: Problem, limits: Mapping[str, Mapping[str, float]]) -> tuple[nn.Module, nn.Module]:
    """The same decoder without and with limits, whose values reach thousands of standard deviations."""
    pair = decoder_for(problem), decoder_for(problem, **limits)
    for decoder in pair:
        last = decoder.get_submodule("head.3")
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight *= 10_000.0
    return pair


def hundredfold(problem: Problem) -> Latent:
    latent = latent_of(problem)
    return latent.with_tokens(100 * latent.tokens)


@pytest.mark.parametrize("key", ["log_clamp", "bound"])
def test_a_limit_holds_for_the_named_field_only(key: str) -> None:
    free, limited = loud(PLANE, {key: {"velocity": 10.0}})
    latent, points = hundredfold(PLANE), anywhere(PLANE, 200)
    without, within = free(latent, points, None), limited(latent, points, None)
    assert without[..., 1:3].abs().max() > 1000
    assert within[..., 1:3].abs().max() < 50
    assert torch.equal(within[..., [0, 3]], without[..., [0, 3]])


def test_the_log_clamp_follows_its_formula() -> None:
    free, clamped = loud(LINE, {"log_clamp": {"rho": 5.0}})
    latent, points = hundredfold(LINE), anywhere(LINE, 200)
    value = free(latent, points, None)[..., 0]
    expected = torch.where(value.abs() <= 5, value, value.sign() * (5 + (1 + value.abs() - 5).log()))
    torch.testing.assert_close(clamped(latent, points, None)[..., 0], expected)


def test_within_its_limit_the_log_clamp_changes_no_bit() -> None:
    latent, points = latent_of(PLANE), anywhere(PLANE, 200)
    without = decoder_for(PLANE)(latent, points, None)
    assert without.abs().max() < 5
    assert torch.equal(decoder_for(PLANE, log_clamp={"rho": 5.0, "velocity": 5.0})(latent, points, None), without)
    assert torch.equal(decoder_for(PLANE, log_clamp={}, bound={})(latent, points, None), without)


def test_limits_have_no_weights() -> None:
    plain, limited = decoder_for(LINE), decoder_for(LINE, log_clamp={"rho": 5.0}, bound={"p": 2.0})
    assert limited.state_dict().keys() == plain.state_dict().keys()


def test_a_bound_is_never_passed_and_kept_strictly_by_values_of_a_few_bounds() -> None:
    free, bounded = loud(LINE, {"bound": {"p": 2.0}})
    latent, points = hundredfold(LINE), anywhere(LINE, 200)
    value, kept = free(latent, points, None)[..., 3], bounded(latent, points, None)[..., 3]
    torch.testing.assert_close(kept, 2 * (value / 2).tanh())
    assert kept.abs().max() <= 2
    quiet = decoder_for(LINE, bound={"p": 0.1})(latent_of(LINE), points, None)[..., 3]
    assert quiet.abs().max() < 0.1


@pytest.mark.parametrize("key", ["log_clamp", "bound"])
def test_limits_of_unknown_fields_and_of_nothing_are_refused_by_their_address(key: str) -> None:
    with pytest.raises(SpecError, match=rf"^{key}\.density: flow has no such field \(it has: rho, velocity, p\)"):
        decoder_for(LINE, **{key: {"density": 5.0}})
    with pytest.raises(SpecError, match=rf"^{key}\.rho: 0.0 is not positive"):
        decoder_for(LINE, **{key: {"rho": 0.0}})


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(SpecError, match=r"^heads: 5 heads do not divide 24 channels"):
        decoder_for(LINE, heads=5)
    with pytest.raises(SpecError, match=r"^heads: channels per head \(6\) do not divide by 2 × 2 axes"):
        decoder_for(PLANE, heads=4)
