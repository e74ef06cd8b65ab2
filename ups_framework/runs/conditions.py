"""Which runs are wanted, and in what order: `latent.tokens=32`, `rollout.nrmse<0.05`."""

import operator
import re
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from ups_framework.errors import RunError
from ups_framework.runs.run_record import RunRecord
from ups_framework.suggest import did_you_mean

_FORM = re.compile(r"\s*(?P<key>[^\s=<>!]+)\s*(?P<operator>!=|<=|>=|=|<|>)\s*(?P<value>.*\S)\s*")

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@frozen(kw_only=True)
class Condition:
    """A key of a run beside a value."""

    text: str
    """As it was given."""

    key: str
    """Dotted, one of `RunRecord.values`."""

    operator: str
    """One of = != < <= > >=."""

    value: Any  # a TOML value
    """What the run's value is held to."""

    @classmethod
    def read(cls, text: str) -> "Condition":
        """The condition of a text `KEY=VALUE` or the like; VALUE is TOML or a bare word. RunError if it is none."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise RunError(f"--where {text}: expected KEY=VALUE, or one of != < <= > >= between the two")
        value = _value(found["value"])
        if found["operator"] in _ORDER and not _is_number(value):
            raise RunError(f"--where {text}: {found['value']!r} is no number")
        return cls(text=text, key=found["key"], operator=found["operator"], value=value)

    def holds(self, record: RunRecord) -> bool:
        """Whether it is true of a run; of one that has no such key, nothing is.

        A list equals a value that is in it, and the name of a component one without its plugin.
        """
        value = record.values().get(self.key)
        if value is None:
            return False
        if self.operator in _ORDER:
            return _is_number(value) and _ORDER[self.operator](value, self.value)
        return _same(self.key, value, self.value) == (self.operator == "=")


def chosen(records: Sequence[RunRecord], conditions: Sequence[Condition]) -> list[RunRecord]:
    """The runs of which all conditions are true; RunError where no run has a key."""
    for condition in conditions:
        _refuse_unknown(records, condition.key, f"--where {condition.text}")
    return [record for record in records if all(condition.holds(record) for condition in conditions)]


def in_order(records: Sequence[RunRecord], key: str) -> list[RunRecord]:
    """Sorted by a key, or by `when`; with a `-` before it, the other way round. Runs without it come last.

    RunError where no run has the key.
    """
    name, falling = key.removeprefix("-"), key.startswith("-")
    if name == "when":
        return sorted(records, key=lambda record: record.changed, reverse=falling)
    _refuse_unknown(records, name, f"--sort {key}")
    values = {id(record): record.values().get(name) for record in records}
    present = [record for record in records if values[id(record)] is not None]
    absent = [record for record in records if values[id(record)] is None]
    return sorted(present, key=lambda record: _rank(values[id(record)]), reverse=falling) + absent


def _refuse_unknown(records: Sequence[RunRecord], key: str, said: str) -> None:
    known = {name for record in records for name in record.values()}
    if records and key not in known:
        raise RunError(f"{said}: no run has the key {key!r}{did_you_mean(key, known)}")


def _value(text: str) -> Any:  # a TOML value
    """TOML, or the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def _same(key: str, value: Any, wanted: Any) -> bool:  # values of TOML
    if isinstance(value, list) and not isinstance(wanted, list):
        return any(_same(key, item, wanted) for item in value)
    if isinstance(value, str) and key.rpartition(".")[2] == "use" and ":" not in str(wanted):
        value = value.rpartition(":")[2]
    if isinstance(value, bool) != isinstance(wanted, bool):
        return False
    return bool(value == wanted) or (isinstance(value, str) and value == str(wanted))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rank(value: Any) -> tuple[bool, float, str]:  # a value of TOML
    """Numbers by size, before all else by its text."""
    return (False, value, "") if _is_number(value) else (True, 0.0, str(value))
