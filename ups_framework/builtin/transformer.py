"""Operator: a stack of transformer blocks on latent tokens, conditioned on dt and the PDE's parameters."""

from typing import Literal

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ups_framework.api import Latent, LatentSize, Operator, Problem, SpecError
from ups_framework.builtin.rotary import Rotary

_at_least_1 = validators.ge(1)


@frozen(kw_only=True)
class TransformerStack(Operator):
    """z(t + dt) = z(t) + W_out T(W_in z(t)), with T a stack of pre-norm transformer blocks and W_out zero at the start.

    Untrained it is therefore the identity. Each block adds gate · attention(scale · norm(x) + shift) and the same with
    an MLP; scale, shift and gate are linear in an embedding of dt and the parameters and zero at the start (AdaLN-zero,
    Peebles & Xie 2023). Queries and keys are normalised (Dehghani et al. 2023) and carry rotary positions that know
    periodicity. Any number of tokens.
    """

    depth: int = field(default=4, validator=[_at_least_1, validators.le(1000)])
    """Blocks; 4 to 12."""

    width: int = field(default=128, validator=[_at_least_1, validators.le(2**16)])
    """Channels inside the stack, independent of the latent's width."""

    heads: int = field(default=4, validator=_at_least_1)
    """Attention heads; channels per head divide by twice the number of axes."""

    attention: Literal["standard", "channel_separated"] = "standard"
    """`standard`: each head reads and writes all channels. `channel_separated`: each head reads and writes its own
    group of channels, and only the MLP mixes groups; a quarter of the attention's parameters at 4 heads."""

    mlp_ratio: float = field(default=2.0, validator=validators.gt(0.0))
    """Hidden channels of the MLP per channel."""

    drop_path: float = field(default=0.0, validator=validators.and_(validators.ge(0.0), validators.lt(1.0)))
    """Probability that a sample skips a branch of the last block in training; grows linearly from 0 at the first."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        if self.width % self.heads:
            raise SpecError("heads", f"{self.heads} heads do not divide the width {self.width}")
        if self.drop_path and self.depth == 1:
            raise SpecError("drop_path", "grows from 0 at the first block, so that it does nothing in a stack of one")
        if self.width * self.mlp_ratio < 1:
            raise SpecError("mlp_ratio", f"{self.mlp_ratio:g} of the width {self.width} is less than one channel")
        return _TransformerStack(self, problem, latent)


class _TransformerStack(nn.Module):
    def __init__(self, spec: TransformerStack, problem: Problem, latent: LatentSize) -> None:
        super().__init__()
        self.rotary = Rotary(problem, spec.width // spec.heads, latent.tokens)
        self.project_in = nn.Linear(latent.width, spec.width)
        self.condition = nn.Sequential(nn.Linear(1 + len(problem.parameters), spec.width), nn.SiLU())
        rates = torch.linspace(0.0, spec.drop_path, spec.depth).tolist()
        self.blocks = nn.ModuleList(_Block(spec, rate) for rate in rates)
        self.norm = nn.LayerNorm(spec.width)
        self.project_out = _zero(nn.Linear(spec.width, latent.width))

    def forward(self, latent: Latent, dt: Float[Tensor, " B"], parameters: Float[Tensor, "B P"]) -> Latent:
        condition = self.condition(torch.cat([dt.log()[:, None], parameters], dim=1))
        angles = self.rotary.angles(latent.positions)
        hidden = self.project_in(latent.tokens)
        for block in self.blocks:
            hidden = block(hidden, condition, angles)
        return latent.with_tokens(latent.tokens + self.project_out(self.norm(hidden)))


class _Block(nn.Module):
    def __init__(self, spec: TransformerStack, drop_rate: float) -> None:
        super().__init__()
        hidden = int(spec.width * spec.mlp_ratio)
        self.modulation = _zero(nn.Linear(spec.width, 6 * spec.width))
        self.norm_attention = nn.LayerNorm(spec.width, elementwise_affine=False)
        self.attention = _Attention(spec)
        self.norm_mlp = nn.LayerNorm(spec.width, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(spec.width, hidden), nn.GELU(), nn.Linear(hidden, spec.width))
        self.drop_path = DropPath(drop_rate)

    def forward(
        self, x: Float[Tensor, "B T W"], condition: Float[Tensor, "B W"], angles: Float[Tensor, "T pairs"]
    ) -> Float[Tensor, "B T W"]:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(condition)[:, None].chunk(6, dim=-1)
        attended = self.attention(self.norm_attention(x) * (1 + scale_a) + shift_a, angles)
        x = x + self.drop_path(gate_a * attended)
        mixed: Tensor = self.mlp(self.norm_mlp(x) * (1 + scale_m) + shift_m)
        return torch.add(x, self.drop_path(gate_m * mixed))


class _Attention(nn.Module):
    """Multi-head self-attention with normalised queries and keys and rotary positions."""

    def __init__(self, spec: TransformerStack) -> None:
        super().__init__()
        self.heads = spec.heads
        groups = spec.heads if spec.attention == "channel_separated" else 1
        self.queries_keys_values = _GroupedLinear(spec.width, 3 * spec.width, groups)
        self.output = _GroupedLinear(spec.width, spec.width, groups)
        self.norm_query = nn.RMSNorm(spec.width // spec.heads)
        self.norm_key = nn.RMSNorm(spec.width // spec.heads)

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


def _zero(linear: nn.Linear) -> nn.Linear:
    """The same layer with weight and bias zero."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
