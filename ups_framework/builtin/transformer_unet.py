"""Operator: a U-Net of transformer blocks on a grid of latent tokens, conditioned on dt and the PDE's parameters."""

import math
from collections.abc import Sequence

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Latent, LatentSize, Operator, Problem, SpecError
from ups_framework.builtin.patches import divide
from ups_framework.builtin.rotary import Rotary
from ups_framework.builtin.token_merging import Merge, Unmerge, grid_of, merged, merging
from ups_framework.builtin.transformer_blocks import (
    AttentionKind,
    Block,
    BlockSize,
    check_block,
    condition_input,
    condition_layer,
    drop_rates,
    zeroed,
)


@frozen(kw_only=True)
class TransformerUNet(Operator):
    """z(t + dt) = z(t) + W_out U₁(W_in z(t)), with U₁ the finest level of a U-Net and W_out zero at the start.

    U_l(h) = blocks(W_join [unmerge(U_{l+1}(merge(g))), g]) with g = blocks(h) on level l, and blocks alone on the last
    level. `merge` makes one token of two neighbours along each axis (a group of 2ᵈ), by a linear map to twice the
    channels; `unmerge` is a linear map back to the group. Blocks, attention and conditions are those of
    `transformer_stack`. Untrained it is the identity. It needs tokens on a grid, of any number: an odd one out is
    merged with the first token of a periodic axis, else with itself. On periodic axes whose numbers divide, shifting
    tokens by 2^(levels − 1) shifts the result.

    Coarse levels carry long waves on few tokens; all but attention costs in proportion to the tokens. 2 or 3 levels
    of 1 or 2 blocks each, for 16 tokens an axis or more; about half the width of a stack with as many parameters.
    U-Net: Ronneberger et al. 2015; merged tokens: Liu et al. 2021 (Swin); conditions: Peebles & Xie 2023; for PDEs:
    Holzschuh et al. 2025 (PDE-Transformer).
    """

    levels: int = field(default=2, validator=validators.ge(2))
    """Levels; each has half as many tokens along each axis as the one above, rounded up, twice the channels and twice
    the heads. 2 or 3; the last may have one token, but not the one above it."""

    depth: int = field(default=2, validator=[validators.ge(1), validators.le(1000)])
    """Blocks before and blocks after the coarser levels, and blocks of the last level; 1 to 4."""

    width: int = field(default=64, validator=[validators.ge(1), validators.le(2**16)])
    """Channels of the first level, independent of the latent's width."""

    heads: int = field(default=4, validator=validators.ge(1))
    """Attention heads of the first level; channels per head divide by twice the number of axes."""

    attention: AttentionKind = "standard"
    """`standard`: each head reads and writes all channels. `channel_separated`: each head reads and writes its own
    group of channels, and only the MLP mixes groups; a quarter of the attention's parameters at 4 heads."""

    mlp_ratio: float = field(default=2.0, validator=validators.gt(0.0))
    """Hidden channels of the MLP per channel."""

    drop_path: float = field(default=0.0, validator=validators.and_(validators.ge(0.0), validators.lt(1.0)))
    """Probability that a sample skips a branch of the last block in training; grows linearly from 0 at the first."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        check_block(self.width, self.heads, self.mlp_ratio)
        return _TransformerUNet(self, problem, latent, self._grids(problem, latent))

    def _grids(self, problem: Problem, latent: LatentSize) -> list[tuple[int, ...]]:
        """Tokens along each axis on each level; SpecError if there are too many levels."""
        grids = [divide(problem, latent).tokens]
        if latent.tokens == 1:
            raise SpecError("latent.tokens", "1 token leaves nothing to merge")
        while len(grids) < self.levels:
            if math.prod(grids[-1]) == 1:
                tokens = " × ".join(str(n) for n in grids[0])
                raise SpecError("levels", f"{self.levels} are too many for {tokens} tokens (at most {len(grids)})")
            grids.append(merged(grids[-1], merging(grids[-1])))
        return grids


class _TransformerUNet(nn.Module):
    def __init__(
        self, spec: TransformerUNet, problem: Problem, latent: LatentSize, grids: Sequence[tuple[int, ...]]
    ) -> None:
        super().__init__()
        self.project_in = nn.Linear(latent.width, spec.width)
        self.condition = condition_layer(problem, spec.width)
        rates = drop_rates(spec.drop_path, spec.depth * (2 * spec.levels - 1))
        self.level = _Level(spec, problem, grids, rates)
        self.norm = nn.LayerNorm(spec.width)
        self.project_out = zeroed(nn.Linear(spec.width, latent.width))

    def forward(self, latent: Latent, dt: Float[Tensor, " B"], parameters: Float[Tensor, "B P"]) -> Latent:
        condition = self.condition(condition_input(dt, parameters))
        hidden = self.level(latent.with_tokens(self.project_in(latent.tokens)), condition)
        return latent.with_tokens(latent.tokens + self.project_out(self.norm(hidden.tokens)))


class _Level(nn.Module):
    """Blocks on one grid of tokens, and between the first and the last of them all coarser levels."""

    def __init__(
        self, spec: TransformerUNet, problem: Problem, grids: Sequence[tuple[int, ...]], rates: Sequence[float]
    ) -> None:
        super().__init__()
        scale = 2 ** (spec.levels - len(grids))
        size = BlockSize(
            width=spec.width * scale,
            heads=spec.heads * scale,
            attention=spec.attention,
            mlp_ratio=spec.mlp_ratio,
            condition=spec.width,
        )
        self.rotary = Rotary(problem, size.width // size.heads, math.prod(grids[0]))
        self.before = nn.ModuleList(Block(size, rate) for rate in rates[: spec.depth])
        self.below = _Below(spec, problem, grids, rates[spec.depth : -spec.depth]) if len(grids) > 1 else None
        self.after = nn.ModuleList(Block(size, rate) for rate in (rates[-spec.depth :] if self.below else ()))

    def forward(self, latent: Latent, condition: Float[Tensor, "B W"]) -> Latent:
        angles = self.rotary.angles(latent.positions)
        hidden = latent.tokens
        for block in self.before:
            hidden = block(hidden, condition, angles)
        if self.below is not None:
            hidden = self.below(latent.with_tokens(hidden), condition)
        for block in self.after:
            hidden = block(hidden, condition, angles)
        return latent.with_tokens(hidden)


class _Below(nn.Module):
    """The coarser levels, and the skip connection past them."""

    def __init__(
        self, spec: TransformerUNet, problem: Problem, grids: Sequence[tuple[int, ...]], rates: Sequence[float]
    ) -> None:
        super().__init__()
        width, size = spec.width * 2 ** (spec.levels - len(grids)), merging(grids[0])
        self.merge = Merge(problem.axes, size, width, 2 * width)
        self.level = _Level(spec, problem, grids[1:], rates)
        self.unmerge = Unmerge(size, 2 * width, width)
        self.join = nn.Linear(2 * width, width)

    def forward(self, latent: Latent, condition: Float[Tensor, "B W"]) -> Float[Tensor, "B T W"]:
        coarse = self.level(self.merge(latent), condition)
        result: Tensor = self.join(torch.cat([self.unmerge(coarse, grid_of(latent)), latent.tokens], dim=-1))
        return result
