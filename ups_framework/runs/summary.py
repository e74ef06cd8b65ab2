"""All that matters of one run, in plain values: what `ups show` prints."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from ups_framework.errors import RunError
from ups_framework.recipe.difference import leaves
from ups_framework.runs.records import Record, read_json, read_jsonl
from ups_framework.runs.run_record import RunRecord

PARTS = ("encoder", "operator", "decoder")
"""Tables of the parts that are trained."""

_FILES = ("recipe", "environment", "metrics", "audit", "evaluation", "simulator", "report", "pictures", "checkpoints")
"""What a reader may want to open."""

Summary = dict[str, Any]  # plain values, as JSON has them


def time_of(record: RunRecord) -> str:
    """When the run changed last, as ISO 8601 in UTC."""
    return datetime.fromtimestamp(record.changed, UTC).isoformat(timespec="seconds")


def overview(record: RunRecord) -> Summary:
    """What a list of runs says of it."""
    costs = {name: record.cost(name) for name in ("parameters", "train_seconds")}
    metrics = {f"{horizon}.nrmse": record.metric(horizon) for horizon in ("rollout", "one_step")}
    return {
        "run": record.name,
        "status": record.status,
        "problem": record.problem,
        "description": record.description,
        **metrics,
        **costs,
        "gates": record.gates,
        "changed": time_of(record) if record.changed else None,
        "tags": list(record.tags),
        "path": str(record.folder.path),
    }


def summary(record: RunRecord) -> Summary:
    """Everything about the run; RunError if one of its other files is damaged."""
    folder, recipe, evaluation = record.folder, record.recipe, record.evaluation
    environment = read_json(folder.environment) if folder.environment.exists() else {}
    metrics, audits = read_jsonl(folder.metrics), read_jsonl(folder.audit)
    try:
        return {
            **overview(record),
            "data": recipe["data"],
            "protocol": evaluation.get("protocol", {}),
            "latent": recipe.get("latent", {}),
            "parts": {part: _part(record, part) for part in PARTS},
            "sampler": recipe.get("sampler", {}),
            "losses": recipe.get("losses", {}),
            "stages": {name: _stage(name, stage, metrics, audits) for name, stage in recipe["stages"].items()},
            "rows": evaluation.get("rows", {}),
            "super_resolution": evaluation.get("super_resolution", {}),
            "verdicts": {name: attrs.asdict(verdict) for name, verdict in record.verdicts.items()},
            "cost": evaluation.get("cost", {}),
            "environment": {key: environment.get(key) for key in ("command", "torch", "devices", "processor", "git")},
            "files": {name: str(path) for name in _FILES if (path := getattr(folder, name)).exists()},
        }
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise RunError(f"{folder.path}: its records are damaged, or from another version ({error!r})") from error


def settings(table: Mapping[str, Any]) -> str:  # values of TOML
    """A component's settings on one line: `depth 8, heads 4`."""
    found = {".".join(path): value for path, value in leaves(dict(table)) if path != ("use",) and value != {}}
    return ", ".join(f"{key} {_setting(value)}" for key, value in found.items())


def _setting(value: object) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _part(record: RunRecord, part: str) -> Summary:
    counts = record.evaluation.get("cost", {}).get("parameters_of", {})
    return {**record.recipe[part], "parameters": counts.get(part)}


def _stage(name: str, stage: Mapping[str, Any], metrics: Sequence[Record], audits: Sequence[Record]) -> Summary:
    """The stage's settings, its best validation, how far it came within the run, and its last audit."""
    figure = f"{stage['select']}.nrmse"
    own = [record for record in metrics if record["stage"] == name]
    validations = [value for record in own if (value := record["values"].get(figure)) is not None]
    audit = [record["rows"] for record in audits if record["stage"] == name]
    return {
        **stage,
        "best_validation": min(validations) if validations else None,
        "last_step_of_run": own[-1]["step"] if own else None,
        "audit": {row["term"]: {key: row[key] for key in ("raw", "weighted", "share")} for row in audit[-1]}
        if audit
        else {},
    }
