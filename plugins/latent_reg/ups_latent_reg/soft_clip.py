"""Latents that cannot run away."""

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Latent, LatentSize, LatentTransform, Problem


@frozen(kw_only=True)
class SoftClip(LatentTransform):
    """z → z for |z| ≤ c and sign(z) c (1 + ln(|z| / c)) beyond, for each number of each token.

    Continuous with its slope, which is 1 within and c / |z| beyond, so that a gradient gets through from everywhere and
    is never enlarged. Numbers within ± c are left as they are to the last bit. It acts after the encoder and after each
    step of the operator: a latent that an operator keeps blowing up by a factor grows to a bound, not exponentially.
    Numbers beyond c shrink at each step, so that an untrained operator then is no persistence: choose c well beyond
    the latents of the encoder. Good values: 5 to 20 times their root mean square.
    """

    limit: float = field(default=10.0, validator=[validators.gt(0), validators.lt(float("inf"))])
    """Magnitude c up to which numbers are left as they are; no unit."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """The same for every problem."""
        return _SoftClip(self.limit)


class _SoftClip(nn.Module):
    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, latent: Latent) -> Latent:
        return latent.with_tokens(soft_clip(latent.tokens, self.limit))


def soft_clip(values: Float[Tensor, "*any"], limit: float) -> Float[Tensor, "*any"]:
    """The identity within ± limit, growing like a logarithm beyond."""
    size = values.abs()
    excess = (size / limit).clamp(min=1.0).log()  # clamped: the logarithm's slope at 0 would be NaN in the gradient
    clipped = values.sign() * limit * (1 + excess)
    return torch.where(size > limit, clipped.to(values.dtype), values)
