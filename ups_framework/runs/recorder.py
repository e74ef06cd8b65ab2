"""Writes down what training tells in the run's folder: one line a record, and the pictures' raw material."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import asdict, frozen

from ups_framework.engine.distributions import Distribution
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import append_jsonl, truncate_jsonl

Subset = Literal["train", "validation"]
TermValues = Mapping[str, float]  # "raw" and "weighted"
AuditRecord = Mapping[str, Any]  # "term": str, "raw", "weighted", "share": float, "gradient": {part: norm}


@frozen
class Recorder:
    """Writes metrics, audits and distributions. `step` counts training steps over all stages."""

    folder: RunFolder
    """Where the files are."""

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

    def audit(self, stage: str, step: int, rows: Sequence[AuditRecord]) -> None:
        """One line of `audit.jsonl`: what each term weighs and where its gradient goes."""
        append_jsonl(self.folder.audit, {"stage": stage, "step": step, "rows": list(rows)})

    def gradients(self, stage: str, step: int, parts: Mapping[str, Distribution]) -> None:
        """One line of `distributions.jsonl`: the gradient of a step in each part."""
        shown = {name: asdict(spread) for name, spread in parts.items()}
        append_jsonl(self.folder.distributions, {"stage": stage, "step": step, "of": "gradient", "parts": shown})

    def latents(self, stage: str, step: int, tokens: Distribution | None, singular_values: Sequence[float]) -> None:
        """One line of `distributions.jsonl`: the numbers in the tokens, and the singular values of the tokens."""
        shown = {} if tokens is None else {"tokens": asdict(tokens)}
        record = {"stage": stage, "step": step, "of": "latent", "parts": shown, "singular_values": singular_values}
        append_jsonl(self.folder.distributions, record)

    def rewind(self, step: int) -> None:
        """Forget everything after `step`: a run that goes on from the checkpoint of `step` records it again.

        An audit comes before the step that follows it, so that the one at `step` comes again too.
        """
        for path in (self.folder.metrics, self.folder.distributions):
            truncate_jsonl(path, lambda record: bool(record["step"] <= step))
        truncate_jsonl(self.folder.audit, lambda record: bool(record["step"] < step))
