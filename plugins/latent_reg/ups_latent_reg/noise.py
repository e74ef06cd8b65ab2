"""Tokens that are never quite the same twice while a model trains."""

import torch
from attrs import field, frozen, validators
from torch import nn

from ups_framework.api import Latent, LatentSize, LatentTransform, Problem
from ups_latent_reg.norm import rms


@frozen(kw_only=True)
class LatentNoise(LatentTransform):
    """z → z + fraction · rms(z) · ε while training, ε standard normal for each number; z itself in use.

    rms(z) = sqrt(mean_d z_d²) of each token, so that a latent cannot escape the noise by growing. Operator and decoder
    learn what to do with latents a little off those that the encoder gives, which is where a rollout through latents
    goes. The mean over draws is z. Good values: 0.01 to 0.1; reference: Sanchez-Gonzalez et al. 2020, who add noise to
    the inputs of a simulator for the same reason.
    """

    fraction: float = field(default=0.02, validator=[validators.gt(0), validators.lt(float("inf"))])
    """Standard deviation of the noise over the token's root mean square; no unit."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """The same noise for every problem."""
        return _LatentNoise(self.fraction)


class _LatentNoise(nn.Module):
    def __init__(self, fraction: float) -> None:
        super().__init__()
        self.fraction = fraction

    def forward(self, latent: Latent) -> Latent:
        """Draws from torch's global generator, which the engine seeds for each step."""
        if not self.training:
            return latent
        tokens = latent.tokens
        scale = self.fraction * rms(tokens).unsqueeze(-1)
        return latent.with_tokens(tokens + (scale * torch.randn_like(tokens)).to(tokens.dtype))
