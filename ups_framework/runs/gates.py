"""`gates.json`: the verdicts on the gates of a run's recipe, as they were when the run was judged last."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import attrs
from attrs import frozen

from ups_framework.errors import RunError
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import read_json, write_json

GateState = Literal["pass", "fail", "missing"]
"""`missing`: there is nothing to judge by, as where a run that the gate names has no results. It is no pass."""


@frozen(kw_only=True)
class Verdict:
    """What is said of one gate."""

    gate: str
    """Its name in the recipe."""

    metric: str
    """What it reads."""

    rule: str
    """What it asks for, in words."""

    state: GateState
    """Whether it passes."""

    value: float | None = None
    """Of the metric; None where there is none that is finite."""

    bound: float | None = None
    """What the value is held to, where it is held to a number."""

    reason: str = ""
    """Why it is missing, or by what test it was judged."""


Verdicts = Mapping[str, Verdict]
"""By the gate's name."""


def read_verdicts(folder: RunFolder) -> dict[str, Verdict]:
    """What was written last, none if there is no such file; RunError if it is damaged."""
    if not folder.gates.exists():
        return {}
    record = read_json(folder.gates)
    try:
        return {name: _verdict(name, item) for name, item in record["gates"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunError(f"{folder.gates}: is damaged, or no file that ups wrote ({error!r})") from error


def write_verdicts(folder: RunFolder, verdicts: Verdicts) -> None:
    """Write them, whole or not at all; of a run without gates there is no such file."""
    if not verdicts:
        folder.gates.unlink(missing_ok=True)
        return
    plain = {name: _plain(verdict) for name, verdict in verdicts.items()}
    write_json(folder.gates, {"judged": datetime.now(UTC).isoformat(timespec="seconds"), "gates": plain})


def overall(states: Sequence[GateState]) -> GateState | None:
    """One word for all gates: `pass` if all do, else the worst; None where there are none."""
    if not states:
        return None
    return "fail" if "fail" in states else "missing" if "missing" in states else "pass"


def _plain(verdict: Verdict) -> dict[str, object]:
    return {key: value for key, value in attrs.asdict(verdict).items() if key != "gate"}


def _verdict(name: str, item: Mapping[str, Any]) -> Verdict:
    if item["state"] not in get_args(GateState):
        raise ValueError(f"state {item['state']!r}")
    for number in (item["value"], item["bound"]):
        if number is not None:
            math.isfinite(number)
    return Verdict(gate=name, **item)
