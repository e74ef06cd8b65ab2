"""Tokens that say different things."""

from typing import Literal

from attrs import frozen
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ups_framework.api import LossTerm, Problem, Term
from ups_latent_reg.latents import mean_over_latents


@frozen(kw_only=True)
class LatentDiversity(LossTerm):
    """Mean over pairs of different tokens of a sample of cos² or cos: Σ_{i≠j} cos(z_i, z_j)ᵖ / (T (T - 1)), p = 2 or 1.

    1 for tokens that are parallel, 0 for orthogonal ones and for a single token. The mean runs over samples, the
    encoder's latent of frame 0 and the operator's latents of all predicted frames. Tokens are not centred: a part that
    all of them share counts as likeness. Squared, with more tokens than numbers per token, T > D, it cannot fall below
    (T - D) / (D (T - 1)) (Welch 1974); random tokens have 1/D. Signed, it falls to −1 / (T − 1), where unit tokens add
    up to nothing, whatever D is. Good values: `share = 0.01`; tokens of a smooth field are alike
    for a reason, and more costs accuracy.

    With unit tokens ẑ, Σ_ij cos² = |Ẑᵀ Ẑ|², a D × D matrix, and Σ_ij cos = |Σ_i ẑ_i|²: never T × T.
    """

    form: Literal["squared", "signed"] = "squared"
    """Power p of the cosine. `squared`: opposite tokens count as alike, and only orthogonal ones differ; `signed`: they
    differ most, and all that is asked is that tokens have no direction in common."""

    def build(self, problem: Problem) -> Term:
        """The same term for every problem."""
        penalty = mean_square_cosine if self.form == "squared" else mean_cosine
        return lambda step: mean_over_latents(step, penalty)


def mean_square_cosine(tokens: Float[Tensor, "B T D"]) -> Float[Tensor, ""]:
    """Mean over samples and pairs of different tokens of their squared cosine; that with a token of zeros is 0."""
    count = tokens.shape[1]
    if count == 1:
        return tokens.new_zeros(())
    unit = functional.normalize(tokens, dim=-1)
    all_pairs = (unit.transpose(1, 2) @ unit).square().sum(dim=(1, 2))
    with_themselves = unit.square().sum(dim=-1).square().sum(dim=-1)
    return (all_pairs - with_themselves).mean() / (count * (count - 1))


def mean_cosine(tokens: Float[Tensor, "B T D"]) -> Float[Tensor, ""]:
    """Mean over samples and pairs of different tokens of their cosine; that with a token of zeros is 0."""
    count = tokens.shape[1]
    if count == 1:
        return tokens.new_zeros(())
    unit = functional.normalize(tokens, dim=-1)
    all_pairs = unit.sum(dim=1).square().sum(dim=-1)
    with_themselves = unit.square().sum(dim=(1, 2))
    return (all_pairs - with_themselves).mean() / (count * (count - 1))
