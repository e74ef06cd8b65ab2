"""The objective of a stage: terms give raw values, and their weights are applied here and nowhere else."""

from collections.abc import Mapping

from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Step, Term
from ups_framework.engine.schedules import ramp
from ups_framework.errors import PluginError
from ups_framework.recipe.recipe import WeightedTerm

_SMOOTHING = 0.5
"""How much of the logarithm of a measured weight is taken over at each measurement after the first."""


@frozen(kw_only=True, eq=False)
class Objective:
    """The terms of one stage, by name."""

    terms: Mapping[str, Term]
    """Live terms in the order of the stage."""

    settings: Mapping[str, WeightedTerm]
    """Weight, share and ramp of each."""

    @property
    def whole_grid(self) -> bool:
        """Whether a term reads fields on the whole training grid."""
        return any(setting.loss.whole_grid for setting in self.settings.values())

    def raw(self, step: Step) -> list[Float[Tensor, ""]]:
        """Unweighted values, in the order of the terms."""
        return [self.value(name, step) for name in self.terms]

    def value(self, name: str, step: Step) -> Float[Tensor, ""]:
        """Unweighted value of one term; PluginError if it is no scalar tensor."""
        value = self.terms[name](step)
        if not isinstance(value, Tensor) or value.ndim:
            found = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise PluginError(f"losses.{name}: gave {found}; a loss term gives a scalar tensor, such as a mean")
        return value.float()

    def initial_weights(self) -> dict[str, float]:
        """Weights before anything is measured: terms with a share have none yet."""
        return {
            name: 0.0 if setting.share is not None else (1.0 if setting.weight is None else setting.weight)
            for name, setting in self.settings.items()
        }

    def ramped(self, weights: Mapping[str, float], step: int, steps: int) -> list[float]:
        """The factors of the raw values at one step of the stage."""
        return [weights[name] * ramp(setting.ramp, step, steps) for name, setting in self.settings.items()]

    def rebalanced(self, weights: Mapping[str, float], norms: Mapping[str, float]) -> dict[str, float]:
        """Weights that give every term with a share its part of the sum of all weighted gradient norms.

        `norms` are gradient norms of the raw terms. With fixed terms' weighted norms adding up to F, a term of share s
        and norm g gets w = s F / ((1 − Σ s) g). Measurements after the first are averaged with the weight so far
        (geometrically), since one batch is noisy. A term whose norm is zero in this batch keeps its weight.
        """
        shares = {name: setting.share for name, setting in self.settings.items() if setting.share is not None}
        fixed = sum(weights[name] * norms[name] for name in self.settings if name not in shares)
        balanced = dict(weights)
        for name, share in shares.items():
            if norms[name] == 0.0:
                continue
            measured = share * fixed / ((1 - sum(shares.values())) * norms[name])
            previous = weights[name]
            balanced[name] = measured if previous == 0.0 else previous * (measured / previous) ** _SMOOTHING
        return balanced
