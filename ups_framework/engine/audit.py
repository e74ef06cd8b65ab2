"""The audit: what each loss term does to each trained part, measured on a real batch."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Step
from ups_framework.engine.objective import Objective
from ups_framework.errors import RunError

_ROUNDING = 1e-9
"""A gradient this much smaller than the largest term's is rounding, not effect."""

_LOW_SHARE = 0.01
"""A smaller share of the gradient is warned of."""

_NOISE = 0.02
"""Standard deviation of what wakes a parameter: far below that of trained weights, far above rounding."""

Chance = Callable[[], AbstractContextManager[None]]
"""Makes a block in which torch's global generator is seeded for one purpose."""


@frozen(kw_only=True)
class AuditRow:
    """One term of one stage, with the weight it has when its ramp has ended."""

    term: str
    """Name of the loss table."""

    raw: float
    """Unweighted value."""

    weighted: float
    """Value times weight."""

    loss_share: float
    """Weighted value over the sum of all weighted values."""

    share: float
    """Weighted gradient norm over the sum of all terms' weighted gradient norms."""

    gradient: Mapping[str, float]
    """Weighted gradient norm in each trained part."""

    @property
    def low(self) -> bool:
        """Whether the term does next to nothing."""
        return self.share < _LOW_SHARE


@frozen(kw_only=True)
class GradientNorms:
    """Raw values and gradient norms of all terms on one batch."""

    raw: Mapping[str, float]
    """Unweighted value of each term."""

    parts: Mapping[str, Mapping[str, float]]
    """For each term the norm of its raw gradient in each trained part."""

    satisfied: frozenset[str] = frozenset()
    """One-sided terms that are 0 on this batch."""

    def total(self, term: str) -> float:
        """Norm of a term's raw gradient over all trained parts."""
        return math.hypot(*self.parts[term].values())

    def totals(self) -> dict[str, float]:
        """`total` of every term; rounding errors count as zero."""
        totals = {term: self.total(term) for term in self.parts}
        floor = _ROUNDING * max(totals.values())
        return {term: norm if norm > floor else 0.0 for term, norm in totals.items()}


def measure_gradients(
    objective: Objective, make_step: Callable[[], Step], trained: Mapping[str, nn.Module], chance: Chance
) -> GradientNorms:
    """One forward and one backward pass a term, each on the same batch made anew by `make_step`.

    Gradients that the parts have collected are left as they were. (One pass forward for all terms would have to keep
    its graph between their backward passes, which compiled parts do not allow.) Each pass draws the same numbers,
    inside `chance()`. Values and norms are those of parts whose zero parameters are woken, as `woken` says.
    """
    parameters = {part: list(module.parameters()) for part, module in trained.items()}
    flat = [parameter for group in parameters.values() for parameter in group]
    raw, parts = {}, {}
    with woken(flat, chance):
        for name in objective.terms:
            with chance():
                value = objective.value(name, make_step())
            raw[name] = float(value.detach())
            parts[name] = _norm_by_part(_gradients(value, flat), parameters)
    one_sided = {name for name, setting in objective.settings.items() if setting.loss.one_sided}
    return GradientNorms(raw=raw, parts=parts, satisfied=frozenset(name for name in one_sided if raw[name] == 0.0))


@contextmanager
def woken(parameters: list[nn.Parameter], chance: Chance) -> Iterator[None]:
    """Give parameters that are zero throughout a little noise inside the block.

    Untrained, an operator changes nothing, and so satisfies conservation exactly and without a gradient: by accident,
    not by construction. The noise tells the two apart.
    """
    asleep = [parameter for parameter in parameters if not parameter.any()]
    with torch.no_grad(), chance():
        for parameter in asleep:
            parameter.normal_(std=_NOISE)
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter in asleep:
                parameter.zero_()


def _gradients(value: Float[Tensor, ""], parameters: list[nn.Parameter]) -> Sequence[Float[Tensor, "..."] | None]:
    """Gradients of one term; None where it does not reach, which is everywhere if the term is a constant."""
    if not value.requires_grad:
        return [None] * len(parameters)
    return torch.autograd.grad(value, parameters, allow_unused=True)


def _norm_by_part(
    gradients: Sequence[Float[Tensor, "..."] | None], parameters: Mapping[str, list[nn.Parameter]]
) -> dict[str, float]:
    """Norms of the gradients of each part's parameters, which follow one another in `gradients`."""
    norms, start = {}, 0
    for part, group in parameters.items():
        found = [g.norm() for g in gradients[start : start + len(group)] if g is not None]
        norms[part] = float(torch.stack(found).norm()) if found else 0.0
        start += len(group)
    return norms


def audit_rows(norms: GradientNorms, weights: Mapping[str, float]) -> list[AuditRow]:
    """The audit table for given weights."""
    weighted = {term: weights[term] * value for term, value in norms.raw.items()}
    gradients = {term: weights[term] * norm for term, norm in norms.totals().items()}
    total_loss = sum(abs(value) for value in weighted.values()) or 1.0
    total_gradient = sum(gradients.values()) or 1.0
    return [
        AuditRow(
            term=term,
            raw=raw,
            weighted=weighted[term],
            loss_share=abs(weighted[term]) / total_loss,
            share=gradients[term] / total_gradient,
            gradient={part: weights[term] * norm for part, norm in norms.parts[term].items()},
        )
        for term, raw in norms.raw.items()
    ]


def refuse_nonfinite_terms(stage: str, step: int, norms: GradientNorms) -> None:
    """RunError that names every term whose value or gradient is not finite."""
    broken = [f"losses.{term}" for term, raw in norms.raw.items() if not math.isfinite(raw + norms.total(term))]
    if broken:
        raise RunError(
            f"stage {stage!r}, before step {step + 1}: {', '.join(broken)} is not finite, in its value or its gradient"
        )


def refuse_terms_without_effect(stage: str, norms: GradientNorms) -> None:
    """RunError that names every term that reaches no trained part, but for one-sided ones that are satisfied."""
    dead = [term for term, norm in norms.totals().items() if norm == 0.0 and term not in norms.satisfied]
    if dead:
        parts = ", ".join(next(iter(norms.parts.values())))
        raise RunError(
            "\n".join(
                f"losses.{term}: has no effect in stage {stage!r}: its gradient is zero in every trained part "
                f"({parts}), raw value {norms.raw[term]:.3g}. Either the parts satisfy it by construction, or it "
                f"reads nothing that the stage trains. Remove it from stages.{stage}.losses, or train what it reads"
                for term in dead
            )
        )
