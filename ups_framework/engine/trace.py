"""Values of the last steps, kept on the device until somebody needs them: the step itself never waits for the host."""

import math
from collections.abc import Sequence

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.errors import RunError


@frozen(kw_only=True)
class TraceMeans:
    """Means over the steps since the last read."""

    raw: dict[str, float]
    """Unweighted terms."""

    weighted: dict[str, float]
    """Weighted terms."""

    gradient_norm: float
    """Norm of the whole gradient before clipping."""

    gradient_norms: list[float]
    """The same of each step."""


class Trace:
    """Collects one row a step."""

    def __init__(self, terms: Sequence[str]) -> None:
        self._terms = tuple(terms)
        self._rows: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, raw: Float[Tensor, " terms"], factors: Float[Tensor, " terms"], norm: Float[Tensor, ""]) -> None:
        """Keep the values of a step."""
        self._rows.append(torch.cat([raw, raw * factors, norm[None]]))

    def read(self, stage: str, last_step: int) -> TraceMeans:
        """Means since the last read, which it forgets. RunError if a value of any of those steps is not finite."""
        rows = torch.stack(self._rows).cpu()
        self._rows.clear()
        self._refuse_nonfinite(rows, stage, last_step - len(rows) + 1)
        means = rows.mean(0).tolist()
        count = len(self._terms)
        return TraceMeans(
            raw=dict(zip(self._terms, means[:count], strict=True)),
            weighted=dict(zip(self._terms, means[count : 2 * count], strict=True)),
            gradient_norm=means[-1],
            gradient_norms=rows[:, -1].tolist(),
        )

    def _refuse_nonfinite(self, rows: Float[Tensor, "steps columns"], stage: str, first_step: int) -> None:
        bad_rows = (~rows.isfinite()).any(1).nonzero()
        if not len(bad_rows):
            return
        row = int(bad_rows[0])
        values = rows[row].tolist()
        culprits = [f"losses.{n}" for n, value in zip(self._terms, values, strict=False) if not math.isfinite(value)]
        raise RunError(
            f"stage {stage!r}, step {first_step + row}: {', '.join(culprits) or 'the gradient'} is not finite. "
            "Lower optimizer.learning_rate or the term's weight, or set optimizer.clip"
        )
