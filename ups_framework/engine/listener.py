"""Who hears of a run: the run folder, Aim and the terminal all listen to the same events."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen

from ups_framework.engine.audit import AuditRow
from ups_framework.engine.diagnostics import Diagnostics


@frozen(kw_only=True)
class Progress:
    """Where a run is."""

    stage: str
    """Name of the stage."""

    step: int
    """Steps of the stage done."""

    steps: int
    """Steps of the stage in all."""

    total: int
    """Steps of the run done: those of earlier stages and of this one."""


@frozen(kw_only=True)
class TrainingRecord:
    """Means since the last record."""

    loss: float
    """The weighted objective."""

    raw: Mapping[str, float]
    """Unweighted terms."""

    weighted: Mapping[str, float]
    """Weighted terms."""

    learning_rate: float
    """Rate of the last step."""

    gradient_norm: float
    """Norm of the whole gradient before clipping."""

    gradient_spikes: int
    """Steps since the last record whose gradient norm was more than five times the running median."""

    steps_per_second: float
    """Optimiser steps per second of training, validations and audits left out."""

    points_used: int
    """Points that a step supervises."""

    points_total: int
    """Points of the training grid."""


class Listener(Protocol):
    """Hears of everything that happens while training. Must not change anything that training reads."""

    def stage_started(self, progress: Progress) -> None:
        """A stage begins, or goes on after a resume."""

    def trained(self, progress: Progress, record: TrainingRecord) -> None:
        """Some steps were made."""

    def validated(self, progress: Progress, figure: str, value: float, best: bool, diagnostics: Diagnostics) -> None:
        """The averaged weights were measured on the validation split."""

    def audited(self, progress: Progress, rows: Sequence[AuditRow]) -> None:
        """The gradients of all terms were measured."""

    def stage_ended(self, progress: Progress, figure: str, best: float) -> None:
        """A stage is over; the weights with the best validation figure are taken on."""
