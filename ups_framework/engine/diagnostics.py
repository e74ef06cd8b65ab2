"""What shows early that latents or a decoder go wrong, measured at each validation on a few fixed samples."""

import math
from collections.abc import Mapping

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Data
from ups_framework.engine.build import System
from ups_framework.engine.distributions import Distribution, distribution
from ups_framework.engine.simulator import Simulator

NUM_TRAJECTORIES = 8
"""Validation trajectories whose first and last fields that have a successor are encoded."""

_ROUNDING = 1e-5
"""A difference between latents this much smaller than the latents is rounding."""


@frozen(kw_only=True)
class Diagnostics:
    """State of the latents and of the decoder."""

    token_norm_mean: float
    """Mean over tokens of |z| / sqrt(D), the root mean square of a token's numbers."""

    token_norm_sd: float
    """Standard deviation of it over tokens."""

    effective_rank: float
    """Directions that latents use to tell fields apart; 0 where all fields have one latent."""

    range_below: Mapping[str, float]
    """For each channel how far predictions go below the training mean, over how far the training data go below it."""

    range_above: Mapping[str, float]
    """Likewise above."""

    singular_values: tuple[float, ...]
    """Of the tokens that `effective_rank` is of, the largest first."""

    tokens: Distribution | None
    """All numbers of all tokens."""

    def values(self) -> dict[str, float]:
        """Single numbers by name, those of a channel called `range_below.CHANNEL` and `range_above.CHANNEL`."""
        return {
            "token_norm_mean": self.token_norm_mean,
            "token_norm_sd": self.token_norm_sd,
            "effective_rank": self.effective_rank,
            **{f"range_below.{channel}": ratio for channel, ratio in self.range_below.items()},
            **{f"range_above.{channel}": ratio for channel, ratio in self.range_above.items()},
        }


class Diagnosis:
    """Measures them. It draws no random numbers and changes no weights: a run is the same with and without it."""

    def __init__(self, system: System, data: Data) -> None:
        few, context = data.validation.values[:NUM_TRAJECTORIES], system.recipe.evaluation.context
        self._fields = torch.cat([few[:, context - 1], few[:, -2]])
        self._parameters = data.validation.parameters[:NUM_TRAJECTORIES].repeat(2, 1)
        self._channels = system.problem.channel_names
        self._mean = system.simulator.mean.cpu()
        self._lowest, self._highest = (bound.cpu() for bound in _extremes(data.train.values))

    @torch.no_grad()
    def __call__(self, simulator: Simulator, prediction: Float[Tensor, "B T N C"], *, advances: bool) -> Diagnostics:
        """Of the encoder's latents and, if the stage `advances` them, the operator's one step later; and of predictions
        that were decoded for something else."""
        latents = [simulator.encode(self._fields, self._parameters)]
        if advances:
            latents.append(simulator.advance(latents[0], self._parameters))
        tokens = torch.cat([latent.tokens for latent in latents])
        norms = tokens.square().mean(dim=-1).sqrt()
        sizes = singular_values((tokens - tokens.mean(0)).flatten(0, 1))
        below, above = self._reach(prediction)
        return Diagnostics(
            token_norm_mean=float(norms.mean()),
            token_norm_sd=float(norms.std(correction=0)),
            effective_rank=effective_rank(sizes, _ROUNDING * float(tokens.norm())),
            range_below=dict(zip(self._channels, below.tolist(), strict=True)),
            range_above=dict(zip(self._channels, above.tolist(), strict=True)),
            singular_values=tuple(sizes.tolist()),
            tokens=distribution([tokens]),
        )

    def _reach(self, prediction: Float[Tensor, "B T N C"]) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
        lowest, highest = (bound.cpu() for bound in _extremes(prediction))
        below = (self._mean - lowest) / (self._mean - self._lowest)
        return below, (highest - self._mean) / (self._highest - self._mean)


def singular_values(rows: Float[Tensor, "rows D"]) -> Float[Tensor, " D"]:
    """Of a matrix, the largest first, on the CPU."""
    wide = rows.double()
    sizes: Tensor = torch.linalg.eigvalsh((wide.T @ wide).cpu()).clamp_min(0.0).sqrt()
    return sizes.flip(0)


def effective_rank(sizes: Float[Tensor, " D"], floor: float = 0.0) -> float:
    """exp(−Σ p_i ln p_i), p_i = σ_i / Σ σ, with σ the singular values of a matrix (Roy & Vetterli 2007).

    Between 1 and the rank; equal to it where all σ that are not 0 are equal; 0 for a matrix of zeros. Singular values
    up to `floor` count as 0.
    """
    sizes = sizes[sizes > floor]
    if not len(sizes):
        return 0.0
    parts = sizes / sizes.sum()
    return math.exp(-float((parts * parts.log()).sum()))


def _extremes(values: Float[Tensor, "B T N C"]) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
    """Least and greatest value of each channel."""
    lowest, highest = torch.aminmax(values.flatten(0, -2), dim=0)
    return lowest, highest
