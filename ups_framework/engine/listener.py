"""Who hears of a run: the run folder, Aim and the terminal all listen to the same events."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.engine.audit import AuditRow
from ups_framework.engine.diagnostics import Diagnostics
from ups_framework.engine.distributions import Distribution


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

    samples_per_second: float
    """Windows that these steps trained on, per second."""

    memory_mib: float
    """Most memory held so far: on the GPU where there is one, else of the whole process."""

    points_used: int
    """Points that a step supervises."""

    points_total: int
    """Points of the training grid."""


@frozen(kw_only=True, eq=False)
class Validation:
    """The averaged weights, measured on the validation split."""

    figure: Literal["reconstruction", "one_step", "rollout"]
    """What was measured: the stage's `select`."""

    value: float
    """Its nRMSE."""

    by_field: Mapping[str, float]
    """Its nRMSE in each channel."""

    best: bool
    """Whether it is the best of the stage so far."""

    diagnostics: Diagnostics
    """State of the latents and of the decoder."""

    prediction: Float[Tensor, "B T N C"]
    """What was compared with all frames after the context, on the CPU; not to be changed."""


class Listener(Protocol):
    """Hears of everything that happens while training. Must not change anything that training reads."""

    def stage_started(self, progress: Progress) -> None:
        """A stage begins, or goes on after a resume."""

    def trained(self, progress: Progress, record: TrainingRecord) -> None:
        """Some steps were made."""

    def validated(self, progress: Progress, validation: Validation) -> None:
        """The averaged weights were measured on the validation split."""

    def audited(self, progress: Progress, rows: Sequence[AuditRow]) -> None:
        """The gradients of all terms were measured."""

    def gradients_seen(self, progress: Progress, parts: Mapping[str, Distribution]) -> None:
        """The step after an audit was made: the gradient that it took, in each trained part."""

    def stage_ended(self, progress: Progress, figure: str, best: float) -> None:
        """A stage is over; the weights with the best validation figure are taken on."""
