"""Tokens of one size."""

import math

from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, linalg

from ups_framework.api import LossTerm, Problem, Step, Term
from ups_latent_reg.latents import mean_over_latents


@frozen(kw_only=True)
class LatentNorm(LossTerm):
    """Mean over tokens of (rms(z) - target)², with rms(z) = sqrt(mean_d z_d²).

    The mean runs over samples, tokens, the encoder's latent of frame 0 and the operator's latents of all predicted
    frames: a latent that grows or fades in a rollout is seen too. Good values: `share = 0.02`; a raw value of 0.01 is a
    typical distance of 0.1 from the target.
    """

    target: float = field(default=1.0, validator=validators.gt(0))
    """Root mean square that each token should have; no unit."""

    def build(self, problem: Problem) -> Term:
        """The same term for every problem."""
        return lambda step: self._term(step)

    def _term(self, step: Step) -> Float[Tensor, ""]:
        return mean_over_latents(step, lambda tokens: (rms(tokens) - self.target).square().mean())


def rms(tokens: Float[Tensor, "B T D"]) -> Float[Tensor, "B T"]:
    """Root mean square of each token; the gradient at a token of zeros is 0."""
    length: Tensor = linalg.vector_norm(tokens, dim=-1)
    return length / math.sqrt(tokens.shape[-1])
