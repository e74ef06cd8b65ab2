"""Two loss terms that count only what exceeds a limit; one says so."""

from typing import ClassVar

from attrs import frozen
from torch import Tensor

from ups_framework.api import LossTerm, Problem, Step, Term


@frozen(kw_only=True)
class Capped(LossTerm):
    """mean max(|û| − limit, 0)², and it says that it is one-sided."""

    one_sided: ClassVar[bool] = True

    limit: float
    """What may be reached for nothing."""

    def build(self, problem: Problem) -> Term:
        return lambda step: _excess(step, self.limit)


@frozen(kw_only=True)
class CappedSilently(LossTerm):
    """mean max(|û| − limit, 0)²."""

    limit: float
    """What may be reached for nothing."""

    def build(self, problem: Problem) -> Term:
        return lambda step: _excess(step, self.limit)


def _excess(step: Step, limit: float) -> Tensor:
    return (step.prediction.abs() - limit).clamp(min=0).square().mean()
