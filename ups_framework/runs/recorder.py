"""The one object that training writes to: files in the run's folder, and the same live in a tracker."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import frozen

from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import append_jsonl, truncate_jsonl
from ups_framework.runs.tracking import Tracker

Subset = Literal["train", "validation"]
TermValues = Mapping[str, float]  # "raw" and "weighted"
AuditRecord = Mapping[str, Any]  # "term": str, "raw", "weighted", "share": float, "gradient": {part: norm}


@frozen
class Recorder:
    """Writes metrics, audits and pictures. `step` counts training steps over all stages."""

    folder: RunFolder
    """Where the files are."""

    tracker: Tracker
    """Where the same is shown live."""

    def metrics(
        self,
        stage: str,
        step: int,
        subset: Subset,
        values: Mapping[str, float],
        terms: Mapping[str, TermValues],
    ) -> None:
        """One line of `metrics.jsonl`: numbers by name, and each loss term raw and weighted."""
        record = {"stage": stage, "step": step, "subset": subset, "values": values, "terms": terms}
        append_jsonl(self.folder.metrics, record)
        context = {"stage": stage, "subset": subset}
        for name, value in values.items():
            self.tracker.scalar(name, value, step=step, context=context)
        for term, kinds in terms.items():
            for kind, value in kinds.items():
                labels = {**context, "term": term, "value": kind}
                self.tracker.scalar("loss", value, step=step, context=labels)

    def audit(self, stage: str, step: int, rows: Sequence[AuditRecord]) -> None:
        """One line of `audit.jsonl`: what each term weighs and where its gradient goes."""
        append_jsonl(self.folder.audit, {"stage": stage, "step": step, "rows": list(rows)})
        for row in rows:
            context = {"stage": stage, "subset": "train", "term": row["term"]}
            self.tracker.scalar("share", row["share"], step=step, context={**context, "value": "share"})
            for part, norm in row["gradient"].items():
                self.tracker.scalar("gradient_norm", norm, step=step, context={**context, "part": part})

    def evaluation(self, step: int, rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Show the rows of `evaluation.json`: the metrics, and `nrmse_by_step` over the steps of a rollout."""
        for row, horizons in rows.items():
            for horizon, metrics in horizons.items():
                context = {"subset": "test", "row": row, "horizon": horizon}
                for name, value in metrics.items():
                    if isinstance(value, float):  # a row also holds lists, and nulls
                        self.tracker.scalar(name, value, step=step, context=context)
                for index, value in enumerate(metrics.get("by_step", ()), start=1):
                    if value is not None:
                        self.tracker.scalar("nrmse_by_step", value, step=index, context=context)

    def picture(self, name: str, png: bytes, step: int, context: Mapping[str, str]) -> None:
        """Show a picture. It is in no file of its own: the report draws it from the folder."""
        self.tracker.image(name, png, step=step, context=context)

    def rewind(self, step: int) -> None:
        """Forget everything after `step`: a run that goes on from the checkpoint of `step` records it again."""
        for path in (self.folder.metrics, self.folder.audit):
            truncate_jsonl(path, lambda record: bool(record["step"] <= step))
