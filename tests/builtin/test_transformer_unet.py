"""The transformer U-Net: nothing at the start, then long waves on few tokens and short ones past them."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.builtin.operators import LINE, WIDTH, X, advance, perturbed, problem_over, untrained
from ups_framework.api import Axis, Latent, Problem, SpecError
from ups_framework.builtin.transformer_blocks import AttentionKind, Block, DropPath
from ups_framework.builtin.transformer_unet import TransformerUNet

KINDS: list[AttentionKind] = ["standard", "channel_separated"]
Y = Axis(name="y", upper=0.5)
WALLED = Axis(name="y", upper=0.5, boundary="dirichlet")
PROBLEMS = [
    problem_over(X, shape=(7,)),
    problem_over(WALLED, shape=(13,)),
    problem_over(X, Y, shape=(5, 7)),
    problem_over(X, WALLED, shape=(9, 4)),
    problem_over(X, WALLED, Y, shape=(3, 2, 5)),
]


def spec(**settings: object) -> TransformerUNet:
    small = {"levels": 2, "depth": 1, "width": 24, "heads": 2}
    return TransformerUNet(**{**small, **settings})  # type: ignore[arg-type]  # its fields


def latent_on(problem: Problem, batch: int = 3) -> Latent:
    """One token for each point of the grid."""
    values = torch.randn(batch, problem.grid.num_points, WIDTH, generator=torch.Generator().manual_seed(2))
    return Latent(tokens=values, positions=problem.grid.points(), grid=problem.grid.shape)


def built(operator: TransformerUNet, problem: Problem) -> nn.Module:
    return perturbed(operator, problem, problem.grid.num_points)


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_it_is_the_identity_bit_for_bit(kind: AttentionKind) -> None:
    operator, latent = untrained(spec(attention=kind, drop_path=0.5)), latent_on(LINE)
    for mode in (True, False):
        assert torch.equal(advance(operator.train(mode), latent, dt=0.5, parameter=0.7), latent.tokens)


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: "x".join(map(str, problem.grid.shape)))
def test_it_takes_odd_and_even_numbers_of_tokens_along_any_axes(problem: Problem, levels: int) -> None:
    operator, latent = built(spec(levels=levels), problem), latent_on(problem)
    advanced = operator(latent, torch.ones(3), torch.zeros(3, 1))
    assert advanced.tokens.shape == latent.tokens.shape
    assert advanced.tokens.isfinite().all()
    assert advanced.positions is latent.positions
    assert advanced.grid == latent.grid


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("levels", "shape"), [(2, (16,)), (3, (16,)), (2, (8, 6)), (3, (8, 12))])
def test_turning_periodic_tokens_by_a_whole_coarsest_token_turns_what_comes_out(
    kind: AttentionKind, levels: int, shape: tuple[int, ...]
) -> None:
    problem = problem_over(*(X, Y)[: len(shape)], shape=shape)
    operator, latent = built(spec(levels=levels, attention=kind), problem).double(), latent_on(problem)
    latent = Latent(tokens=latent.tokens.double(), positions=latent.positions.double(), grid=shape)
    here = advance(operator, latent)
    whole, half = 2 ** (levels - 1), 2 ** (levels - 2)
    for axis in range(1, 1 + len(shape)):
        for step, same in ((whole, True), (half, False)):
            turned = latent.with_tokens(latent.tokens.unflatten(1, shape).roll(step, axis).flatten(1, -2))
            expected = here.unflatten(1, shape).roll(step, axis).flatten(1, -2)
            apart = (advance(operator, turned) - expected).abs().max() / here.abs().max()
            assert (apart < 1e-5) == same


def test_with_walls_tokens_know_that_they_are_not_on_a_ring() -> None:
    problem = problem_over(WALLED)
    operator, latent = built(spec(), problem), latent_on(problem)
    turned = advance(operator, latent.with_tokens(latent.tokens.roll(2, dims=1)))
    assert (turned - advance(operator, latent).roll(2, dims=1)).abs().max() > 0.01


@pytest.mark.parametrize(("axis", "reached"), [(X, True), (WALLED, False)])
def test_an_odd_token_out_is_merged_with_the_first_one_on_a_periodic_axis_only(axis: Axis, reached: bool) -> None:
    """Seen without attention and without the skip, of which all tokens read all or themselves."""
    problem = problem_over(axis, shape=(7,))
    operator, latent = built(spec(), problem), latent_on(problem)
    silence(operator, "level.before", "level.below.level.before", "level.after")
    without_skip(operator, "level.below")
    first = torch.zeros(7, 1).index_fill(0, torch.tensor(0), 1.0)
    changed = (advance(operator, latent.with_tokens(latent.tokens + first)) - advance(operator, latent) - first).abs()
    assert (changed.amax((0, 2)) > 1e-4).tolist() == [True, True, False, False, False, False, reached]


def silence(operator: nn.Module, *lists: str) -> None:
    """Makes the blocks of these lists the identity."""
    with torch.no_grad():
        for name in lists:
            for block in operator.get_submodule(name).children():
                assert isinstance(block, Block)
                for weight in block.modulation.parameters():
                    weight.zero_()


def without_skip(operator: nn.Module, below: str) -> None:
    """Cuts the skip connection past a level: the second half of what is joined."""
    join = operator.get_submodule(f"{below}.join")
    assert isinstance(join, nn.Linear)
    with torch.no_grad():
        join.weight[:, join.out_features :] = 0


def without_coarser(operator: nn.Module, below: str) -> None:
    """Cuts off what comes up from the coarser level."""
    join = operator.get_submodule(f"{below}.join")
    assert isinstance(join, nn.Linear)
    with torch.no_grad():
        join.weight[:, : join.out_features] = 0


@pytest.mark.parametrize("below", ["level.below", "level.below.level.below"])
def test_every_skip_and_every_coarser_level_matter(below: str) -> None:
    latent, here = latent_on(LINE), advance(built(spec(levels=3), LINE), latent_on(LINE))
    for without in (without_skip, without_coarser):
        operator = built(spec(levels=3), LINE)
        without(operator, below)
        assert (advance(operator, latent) - here).abs().max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("problem", [LINE, PROBLEMS[2]], ids=["line", "plane"])
def test_no_weight_is_dead_after_two_steps_of_training(kind: AttentionKind, problem: Problem) -> None:
    operator = untrained(spec(attention=kind, levels=3), problem, problem.grid.num_points)
    latent, optimiser = latent_on(problem), torch.optim.SGD(operator.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        (advance(operator, latent, dt=2.0, parameter=0.5) - latent.tokens.roll(1, 1)).square().mean().backward()
        optimiser.step()
    assert [name for name, weight in operator.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_dt_the_parameters_and_every_token_reach_every_token() -> None:
    operator, latent = built(spec(), LINE), latent_on(LINE, batch=1)
    here = advance(operator, latent)
    assert (advance(operator, latent, dt=2.0) - here).abs().max() > 0.01
    assert (advance(operator, latent, parameter=1.0) - here).abs().max() > 0.01
    tokens = latent.tokens.requires_grad_()
    (gradient,) = torch.autograd.grad(advance(operator, latent.with_tokens(tokens))[:, 3].sum(), tokens)
    assert gradient.abs().amax((0, 2)).min() > 0


@pytest.mark.parametrize(
    "change",
    [
        {"levels": 3},
        {"depth": 2},
        {"width": 32},
        {"heads": 4},
        {"attention": "channel_separated"},
        {"mlp_ratio": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_key_of_a_recipe_changes_what_comes_out(change: dict[str, object]) -> None:
    latent = latent_on(LINE)
    plain, changed = (advance(built(spec(**settings), LINE), latent) for settings in ({}, change))
    assert (plain - changed).abs().max() > 0.01


def test_drop_rates_grow_linearly_from_the_first_block_to_the_last_by_way_of_the_coarsest() -> None:
    operator = untrained(spec(levels=2, depth=2, drop_path=0.5))
    names = ("level.before.0", "level.before.1", "level.below.level.before.0", "level.below.level.before.1")
    paths = [f"{name}.drop_path" for name in (*names, "level.after.0", "level.after.1")]
    rates = [path.rate for name in paths if isinstance(path := operator.get_submodule(name), DropPath)]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert len([module for module in operator.modules() if isinstance(module, DropPath)]) == 6


def cost_of(tokens: int) -> tuple[int, int]:
    """Operations outside attention, and numbers kept for the backward pass."""
    problem = problem_over(X, shape=(tokens,))
    operator, latent, kept = untrained(spec(levels=3), problem, tokens), latent_on(problem), 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    with FlopCounterMode(display=False) as counter, torch.autograd.graph.saved_tensors_hooks(count, lambda kept: kept):
        advance(operator, latent)
    return int(counter.get_flop_counts()["Global"][torch.ops.aten.addmm]), kept


def test_operations_but_attention_and_memory_are_linear_in_the_tokens() -> None:
    small, middle, large = (cost_of(tokens) for tokens in (64, 128, 256))
    for first, second, third in zip(small, middle, large, strict=True):
        assert third - second == 2 * (second - first)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(SpecError, match=r"^heads: 5 heads do not divide the width 24"):
        untrained(spec(heads=5))


def test_heads_whose_channels_do_not_divide_by_the_axes_are_refused() -> None:
    with pytest.raises(SpecError, match=r"^heads: channels per head \(6\) do not divide by 2 × 2 axes"):
        untrained(spec(heads=4), PROBLEMS[2], 35)


def test_an_mlp_without_a_hidden_channel_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^mlp_ratio: 0.001 of the width 24 is less than one channel"):
        untrained(spec(mlp_ratio=0.001))


@pytest.mark.parametrize(("shape", "most"), [((16,), 5), ((17,), 6), ((2,), 2), ((4, 4), 3), ((2, 5), 4)])
def test_more_levels_than_the_token_grid_has_are_refused_and_as_many_are_not(shape: tuple[int, ...], most: int) -> None:
    problem = problem_over(*(X, Y)[: len(shape)], shape=shape)
    assert advance(built(spec(levels=most, width=8), problem), latent_on(problem)).isfinite().all()
    size = " × ".join(map(str, shape))
    with pytest.raises(SpecError, match=rf"^levels: {most + 1} are too many for {size} tokens \(at most {most}\)"):
        built(spec(levels=most + 1, width=8), problem)


def test_one_token_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^latent\.tokens: 1 token leaves nothing to merge"):
        untrained(spec(), tokens=1)


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_to_carry_tokens_one_place_on(kind: AttentionKind) -> None:
    """Advection by one token, which persistence gets wrong by √2; held out after 100 steps the error is below 0.3."""
    problem = problem_over(X, parameters=0)
    operator = untrained(spec(attention=kind, width=32), problem)
    optimiser = torch.optim.AdamW(operator.parameters(), lr=5e-3, weight_decay=0.0)

    def relative_error(seed: int) -> torch.Tensor:
        tokens = torch.randn(32, 16, WIDTH, generator=torch.Generator().manual_seed(seed))
        advanced = operator(latent_on(problem).with_tokens(tokens), torch.ones(32), torch.zeros(32, 0)).tokens
        result: torch.Tensor = (advanced - tokens.roll(1, dims=1)).square().mean() / tokens.square().mean()
        return result

    for step in range(100):
        optimiser.zero_grad()
        relative_error(step).backward()
        optimiser.step()
    assert relative_error(10**6).sqrt() < 0.3
