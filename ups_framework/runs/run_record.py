"""A run as its folder tells it, in plain values: what every command over many runs reads. Loads no torch."""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from ups_framework.recipe.difference import leaves
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.gates import GateState, Verdicts, overall

Status = Literal["active", "success", "failed", "stopped", "stale", "broken", "foreign"]
"""See `RunRecord.status`."""

Plain = Mapping[str, Any]  # TOML and JSON are any tree of plain values


@frozen(kw_only=True)
class RunRecord:
    """What the folder of a run says."""

    folder: RunFolder
    """Where it is."""

    name: str
    """Its path below the folder of all runs."""

    status: Status
    """`active`: a process works on it. `success`: trained and evaluated.

    `failed`: its last process ended with an error. `stopped`: asked to stop, or killed. `stale`: stopped for more than
    30 days. `broken`: a file of it cannot be read. `foreign`: a folder that is no run's.
    """

    problem: str = ""
    """Why it failed, is broken or foreign, on one line."""

    changed: float
    """When its last process ended, or last wrote something, in seconds since 1970."""

    tags: tuple[str, ...] = ()
    """Words that people put on it."""

    recipe: Plain = field(factory=dict, repr=False)
    """The resolved recipe; empty where it cannot be read."""

    evaluation: Plain = field(factory=dict, repr=False)
    """`evaluation.json`; empty where there is none."""

    verdicts: Verdicts = field(factory=dict, repr=False)
    """`gates.json`; empty where there is none."""

    @property
    def gates(self) -> dict[str, GateState]:
        """Each gate of the recipe; one that was not judged is missing."""
        states: dict[str, GateState] = dict.fromkeys(self.recipe.get("gates", {}), "missing")
        return states | {name: verdict.state for name, verdict in self.verdicts.items() if name in states}

    @property
    def gate_state(self) -> GateState | None:
        """One word for all of them; None of a recipe without gates."""
        return overall(list(self.gates.values()))

    @property
    def description(self) -> str:
        """The recipe's sentence, or its data and operator."""
        if not self.recipe:
            return ""
        return self.recipe.get("description") or f"{self.recipe['data']['use']}, {self.recipe['operator']['use']}"

    @property
    def seed(self) -> int:
        """Of weights, batches and samplers."""
        seed = self.recipe["seed"]
        assert isinstance(seed, int)
        return seed

    def metric(self, horizon: str, metric: str = "nrmse", row: str = "model") -> float | None:
        """A figure of the evaluation; None where it is not there or not finite."""
        value: float | None = self.evaluation.get("rows", {}).get(row, {}).get(horizon, {}).get(metric)
        return value

    def cost(self, name: str) -> float | None:
        """A number of the evaluation's `cost`; None where it is not there."""
        value: float | None = self.evaluation.get("cost", {}).get(name)
        return value

    def values(self) -> dict[str, Any]:  # values of TOML and JSON
        """Everything that conditions may ask for, by dotted key.

        Keys of the recipe; `name`, `status`, `tags`; `gates`, one word for all of them; of the evaluation
        `rollout.nrmse`, `one_step.rmse` and the like for the model, `persistence.rollout.nrmse` for a reference row,
        `super_resolution.2.nrmse`, `cost.parameters` and `protocol.points`.
        """
        rows = self.evaluation.get("rows", {})
        tables = {key: self.evaluation.get(key, {}) for key in ("super_resolution", "cost", "protocol")}
        tables |= {name: row for name, row in rows.items() if name != "model"} | dict(rows.get("model", {}))
        own = {"name": self.name, "status": self.status, "tags": list(self.tags), "gates": self.gate_state}
        return {".".join(path): value for table in (self.recipe, tables) for path, value in leaves(table)} | own
