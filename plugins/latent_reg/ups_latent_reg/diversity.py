"""Tokens that say different things."""

from attrs import frozen
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ups_framework.api import LossTerm, Problem, Step, Term
from ups_latent_reg.latents import mean_over_latents


@frozen(kw_only=True)
class LatentDiversity(LossTerm):
    """Mean square of the cosine between different tokens of a sample: Σ_{i≠j} cos²(z_i, z_j) / (T (T - 1)).

    1 for tokens that are parallel or opposite, 0 for orthogonal ones and for a single token. The mean runs over
    samples, the encoder's latent of frame 0 and the operator's latents of all predicted frames. Tokens are not centred:
    a part that all of them share counts as likeness. With more tokens than numbers per token, T > D, it cannot fall
    below (T - D) / (D (T - 1)) (Welch 1974); random tokens have 1/D. Good values: `share = 0.02`.

    With unit tokens ẑ, Σ_ij cos² = |Ẑᵀ Ẑ|²: a D × D matrix, never T × T.
    """

    def build(self, problem: Problem) -> Term:
        """The same term for every problem."""
        return _term


def mean_square_cosine(tokens: Float[Tensor, "B T D"]) -> Float[Tensor, ""]:
    """Mean over samples and pairs of different tokens of their squared cosine; that with a token of zeros is 0."""
    count = tokens.shape[1]
    if count == 1:
        return tokens.new_zeros(())
    unit = functional.normalize(tokens, dim=-1)
    all_pairs = (unit.transpose(1, 2) @ unit).square().sum(dim=(1, 2))
    with_themselves = unit.square().sum(dim=-1).square().sum(dim=-1)
    return (all_pairs - with_themselves).mean() / (count * (count - 1))


def _term(step: Step) -> Float[Tensor, ""]:
    return mean_over_latents(step, mean_square_cosine)
