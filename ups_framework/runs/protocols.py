"""Whether figures of two runs were measured in the same way, on the same data."""

import json
from collections.abc import Mapping, Sequence

from ups_framework.runs.run_record import RunRecord


def protocol_key(record: RunRecord) -> str:
    """The same for runs that were measured alike: the dataset's name, and all that the evaluation's protocol says."""
    return canonical([record.recipe["data"]["use"], record.evaluation["protocol"]])


def protocol_differences(records: Sequence[RunRecord]) -> dict[str, list[object]]:
    """What the protocols of evaluated runs differ in: each key with the value of every run, None where it has none."""
    protocols = [{"dataset": each.recipe["data"]["use"], **each.evaluation["protocol"]} for each in records]
    found = {key: [protocol.get(key) for protocol in protocols] for protocol in protocols for key in protocol}
    return {key: values for key, values in found.items() if len({canonical(value) for value in values}) > 1}


def canonical(value: object) -> str:
    """The same text for the same plain value, whatever the order of keys; floats count to six digits."""
    return json.dumps(_rounded(value), sort_keys=True, ensure_ascii=False)


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
