"""Transformer blocks on latent tokens, and what conditions them: for all operators that are made of them."""

from typing import Literal

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ups_framework.api import Problem, SpecError
from ups_framework.builtin.rotary import Rotary

AttentionKind = Literal["standard", "channel_separated"]
"""Whether each head reads and writes all channels, or its own group of them."""


def check_block(width: int, heads: int, mlp_ratio: float) -> None:
    """Raises SpecError for settings of which no block can be made."""
    if width % heads:
        raise SpecError("heads", f"{heads} heads do not divide the width {width}")
    if width * mlp_ratio < 1:
        raise SpecError("mlp_ratio", f"{mlp_ratio:g} of the width {width} is less than one channel")


def condition_layer(problem: Problem, width: int) -> nn.Sequential:
    """Embeds what `condition_input` gives; every block reads it."""
    return nn.Sequential(nn.Linear(1 + len(problem.parameters), width), nn.SiLU())


def condition_input(dt: Float[Tensor, " B"], parameters: Float[Tensor, "B P"]) -> Float[Tensor, "B P+1"]:
    """ln(dt) beside the parameters."""
    return torch.cat([dt.log()[:, None], parameters], dim=1)


def drop_rates(rate: float, blocks: int) -> list[float]:
    """What each of so many blocks drops: linear from 0 at the first to `rate` at the last."""
    rates: list[float] = torch.linspace(0.0, rate, blocks).tolist()
    return rates


@frozen(kw_only=True)
class BlockSize:
    """What blocks of one stack have in common."""

    width: int
    """Channels."""

    heads: int
    """Attention heads; a divisor of the width."""

    attention: AttentionKind
    """Which channels a head reads and writes."""

    mlp_ratio: float
    """Hidden channels of the MLP per channel."""

    condition: int
    """Width of the condition."""


class Block(nn.Module):
    """x + gate · attention(scale · norm(x) + shift), then the same with an MLP; the identity at the start.

    Scale, shift and gate are linear in the condition and zero at the start (AdaLN-zero, Peebles & Xie 2023). In
    training a sample skips a branch with probability `drop_rate`.
    """

    def __init__(self, size: BlockSize, drop_rate: float) -> None:
        super().__init__()
        width, hidden = size.width, int(size.width * size.mlp_ratio)
        self.modulation = zeroed(nn.Linear(size.condition, 6 * width))
        self.norm_attention = nn.LayerNorm(width, elementwise_affine=False)
        self.attention = _Attention(size)
        self.norm_mlp = nn.LayerNorm(width, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.drop_path = DropPath(drop_rate)

    def forward(
        self, x: Float[Tensor, "B T W"], condition: Float[Tensor, "B condition"], angles: Float[Tensor, "T pairs"]
    ) -> Float[Tensor, "B T W"]:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(condition)[:, None].chunk(6, dim=-1)
        attended = self.attention(self.norm_attention(x) * (1 + scale_a) + shift_a, angles)
        x = x + self.drop_path(gate_a * attended)
        mixed: Tensor = self.mlp(self.norm_mlp(x) * (1 + scale_m) + shift_m)
        return torch.add(x, self.drop_path(gate_m * mixed))


class _Attention(nn.Module):
    """Multi-head self-attention with normalised queries and keys (Dehghani et al. 2023) and rotary positions."""

    def __init__(self, size: BlockSize) -> None:
        super().__init__()
        self.heads = size.heads
        groups = size.heads if size.attention == "channel_separated" else 1
        self.queries_keys_values = _GroupedLinear(size.width, 3 * size.width, groups)
        self.output = _GroupedLinear(size.width, size.width, groups)
        self.norm_query = nn.RMSNorm(size.width // size.heads)
        self.norm_key = nn.RMSNorm(size.width // size.heads)

    def forward(self, x: Float[Tensor, "B T W"], angles: Float[Tensor, "T pairs"]) -> Float[Tensor, "B T W"]:
        projected = self.queries_keys_values(x).unflatten(-1, (self.heads, 3, -1))
        query, key, value = projected.permute(3, 0, 2, 1, 4)
        query = Rotary.rotate(_normalised(query, self.norm_query), angles)
        key = Rotary.rotate(_normalised(key, self.norm_key), angles)
        attended = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return result


def _normalised(values: Float[Tensor, "B heads T width"], norm: nn.RMSNorm) -> Float[Tensor, "B heads T width"]:
    """The norm in the precision of the values, which autocast alone would not do."""
    return functional.rms_norm(values, values.shape[-1:], norm.weight.to(values.dtype))


class _GroupedLinear(nn.Module):
    """A linear map that is block-diagonal in `groups` equal groups of channels."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.linear = nn.Linear(inputs // groups, outputs)

    def forward(self, x: Float[Tensor, "B T inputs"]) -> Float[Tensor, "B T outputs"]:
        if self.groups == 1:
            result: Tensor = self.linear(x)
            return result
        weight = self.linear.weight.unflatten(0, (self.groups, -1))
        grouped = torch.einsum("btgi,goi->btgo", x.unflatten(-1, (self.groups, -1)), weight)
        return grouped.flatten(2) + self.linear.bias


class DropPath(nn.Module):
    """Drops a residual branch of a sample with probability `rate` in training and scales the others by 1 / (1 − rate).

    The expected output is the input; in evaluation it is the input. Stochastic depth, Huang et al. (2016).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Float[Tensor, "B T W"]) -> Float[Tensor, "B T W"]:
        if self.rate == 0.0 or not self.training:
            return branch
        kept = torch.rand(len(branch), 1, 1, device=branch.device) >= self.rate
        return branch * (kept / (1 - self.rate)).to(branch.dtype)


def zeroed(linear: nn.Linear) -> nn.Linear:
    """The same layer with weight and bias zero."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
