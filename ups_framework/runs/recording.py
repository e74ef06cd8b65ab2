"""The run folder as a listener of training."""

from collections.abc import Mapping, Sequence

import attrs
from attrs import frozen

from ups_framework.engine.audit import AuditRow
from ups_framework.engine.distributions import Distribution
from ups_framework.engine.listener import Progress, TrainingRecord, Validation
from ups_framework.runs.recorder import Recorder
from ups_framework.runs.snapshots import Snapshots


@frozen
class RecordingListener:
    """Writes down what training tells."""

    recorder: Recorder
    """Writes numbers."""

    snapshots: Snapshots
    """Keeps predictions for pictures."""

    def rewind(self, step: int) -> None:
        """Forget everything after `step`, which a run that goes on from its checkpoint does again."""
        self.recorder.rewind(step)
        self.snapshots.rewind(step)

    def stage_started(self, progress: Progress) -> None:
        """Nothing to write: every record names its stage."""

    def trained(self, progress: Progress, record: TrainingRecord) -> None:
        """One training record."""
        values = {
            "loss": record.loss,
            "learning_rate": record.learning_rate,
            "gradient_norm": record.gradient_norm,
            "gradient_spikes": float(record.gradient_spikes),
            "steps_per_second": record.steps_per_second,
            "samples_per_second": record.samples_per_second,
            "memory_mib": record.memory_mib,
            "points_used": float(record.points_used),
            "points_total": float(record.points_total),
        }
        terms = {term: {"raw": record.raw[term], "weighted": record.weighted[term]} for term in record.raw}
        self.recorder.metrics(progress.stage, progress.total, "train", values, terms)

    def validated(self, progress: Progress, validation: Validation) -> None:
        """One validation."""
        name, seen = f"{validation.figure}.nrmse", validation.diagnostics
        by_field = {f"{name}.{field}": value for field, value in validation.by_field.items()}
        values = {name: validation.value, **by_field, **seen.values()}
        self.recorder.metrics(progress.stage, progress.total, "validation", values, {})
        self.recorder.latents(progress.stage, progress.total, seen.tokens, seen.singular_values)
        self.snapshots.take(progress, validation)

    def audited(self, progress: Progress, rows: Sequence[AuditRow]) -> None:
        """One audit."""
        self.recorder.audit(progress.stage, progress.total, [attrs.asdict(row) for row in rows])

    def gradients_seen(self, progress: Progress, parts: Mapping[str, Distribution]) -> None:
        """One step after an audit."""
        self.recorder.gradients(progress.stage, progress.total, parts)

    def stage_ended(self, progress: Progress, figure: str, best: float) -> None:
        """Nothing to write: the best validation is among the records."""
