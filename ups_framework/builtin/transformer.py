"""Operator: a stack of transformer blocks on latent tokens, conditioned on dt and the PDE's parameters."""

from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Latent, LatentSize, Operator, Problem, SpecError
from ups_framework.builtin.rotary import Rotary
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

    attention: AttentionKind = "standard"
    """`standard`: each head reads and writes all channels. `channel_separated`: each head reads and writes its own
    group of channels, and only the MLP mixes groups; a quarter of the attention's parameters at 4 heads."""

    mlp_ratio: float = field(default=2.0, validator=validators.gt(0.0))
    """Hidden channels of the MLP per channel."""

    drop_path: float = field(default=0.0, validator=validators.and_(validators.ge(0.0), validators.lt(1.0)))
    """Probability that a sample skips a branch of the last block in training; grows linearly from 0 at the first."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        check_block(self.width, self.heads, self.mlp_ratio)
        if self.drop_path and self.depth == 1:
            raise SpecError("drop_path", "grows from 0 at the first block, so that it does nothing in a stack of one")
        return _TransformerStack(self, problem, latent)


class _TransformerStack(nn.Module):
    def __init__(self, spec: TransformerStack, problem: Problem, latent: LatentSize) -> None:
        super().__init__()
        self.rotary = Rotary(problem, spec.width // spec.heads, latent.tokens)
        self.project_in = nn.Linear(latent.width, spec.width)
        self.condition = condition_layer(problem, spec.width)
        size = BlockSize(
            width=spec.width,
            heads=spec.heads,
            attention=spec.attention,
            mlp_ratio=spec.mlp_ratio,
            condition=spec.width,
        )
        self.blocks = nn.ModuleList(Block(size, rate) for rate in drop_rates(spec.drop_path, spec.depth))
        self.norm = nn.LayerNorm(spec.width)
        self.project_out = zeroed(nn.Linear(spec.width, latent.width))

    def forward(self, latent: Latent, dt: Float[Tensor, " B"], parameters: Float[Tensor, "B P"]) -> Latent:
        condition = self.condition(condition_input(dt, parameters))
        angles = self.rotary.angles(latent.positions)
        hidden = self.project_in(latent.tokens)
        for block in self.blocks:
            hidden = block(hidden, condition, angles)
        return latent.with_tokens(latent.tokens + self.project_out(self.norm(hidden)))
