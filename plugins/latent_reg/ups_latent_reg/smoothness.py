"""Latents that do not jump."""

import math
from itertools import pairwise

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import LossTerm, Problem, Step, Term
from ups_latent_reg.latents import latents_of
from ups_latent_reg.norm import rms

_ROUND = 0.1
"""Width of the bend of the hinge, over the limit."""

_FLOOR = 1e-12
"""Smallest size of a latent, so that one of zeros has a rate."""


@frozen(kw_only=True)
class LatentSmoothness(LossTerm):
    """Mean over tokens of hinge(r), with r = rms(z_{k+1} − z_k) / rms(z_k) the token's change in one `problem.dt`.

    z_0 is the encoder's latent of frame 0 and z_k, k = 1 … K, the operator's of predicted frame k; rms(z_k) in the
    denominator runs over all tokens of the sample. With b = limit and w = b/10

        hinge(r) = (r − b + sqrt((r − b)² + w²) + b − sqrt(b² + w²)) / 2,

    which is 0 at r = 0, nearly flat up to the limit (slope 0.0025 at 0, 0.5 at b) and straight beyond, slope 1: its
    gradient does not fade as the excess does. It is never quite 0, so that an operator that stays within the limit is
    told apart from one that the term does not reach. Prefer `weight` to `share`: a share keeps its part of the gradient
    also where all tokens are within the limit, and then slows down what is allowed. 0 where nothing is predicted.
    """

    limit: float = field(default=0.5, validator=[validators.gt(0), validators.lt(float("inf"))])
    """Change of a token in one `problem.dt`, over the latent's size, that is let pass; no unit."""

    def build(self, problem: Problem) -> Term:
        """The same term for every problem."""
        return lambda step: self._term(step)

    def _term(self, step: Step) -> Float[Tensor, ""]:
        if not step.num_steps:
            return step.truth.new_zeros(())
        pairs = pairwise(latent.tokens for latent in latents_of(step))
        return torch.stack([hinge(rate(before, after), self.limit).mean() for before, after in pairs]).mean()


def rate(before: Float[Tensor, "B T D"], after: Float[Tensor, "B T D"]) -> Float[Tensor, "B T"]:
    """Each token's change over the size of its sample's latent before it."""
    size = before.square().mean(dim=(1, 2)).clamp_min(_FLOOR**2).sqrt()
    return rms(after - before) / size.unsqueeze(-1)


def hinge(rate: Float[Tensor, "B T"], limit: float) -> Float[Tensor, "B T"]:
    """0 at 0, nearly flat below the limit, straight with slope 1 beyond it; smooth."""
    excess, width = rate - limit, _ROUND * limit
    rounded: Tensor = (excess.square() + width**2).sqrt()
    at_rest = math.hypot(limit, width)
    return (excess + rounded + limit - at_rest) / 2
