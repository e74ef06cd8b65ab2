"""The run folder and Aim as a listener of training."""

from collections.abc import Sequence

import attrs
from attrs import frozen

from ups_framework.engine.audit import AuditRow
from ups_framework.engine.diagnostics import Diagnostics
from ups_framework.engine.listener import Progress, TrainingRecord
from ups_framework.runs.recorder import Recorder


@frozen
class RecordingListener:
    """Writes down what training tells."""

    recorder: Recorder
    """Writes to the folder and to the tracker."""

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
            "points_used": float(record.points_used),
            "points_total": float(record.points_total),
        }
        terms = {term: {"raw": record.raw[term], "weighted": record.weighted[term]} for term in record.raw}
        self.recorder.metrics(progress.stage, progress.total, "train", values, terms)

    def validated(self, progress: Progress, figure: str, value: float, best: bool, diagnostics: Diagnostics) -> None:
        """One validation."""
        values = {f"{figure}.nrmse": value, **diagnostics.values()}
        self.recorder.metrics(progress.stage, progress.total, "validation", values, {})

    def audited(self, progress: Progress, rows: Sequence[AuditRow]) -> None:
        """One audit."""
        self.recorder.audit(progress.stage, progress.total, [attrs.asdict(row) for row in rows])

    def stage_ended(self, progress: Progress, figure: str, best: float) -> None:
        """Nothing to write: the best validation is among the records."""
