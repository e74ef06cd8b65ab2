"""Values of a recipe for people."""

import json
from typing import Any


def shown(value: Any) -> str:  # a TOML value can be anything
    """A value as JSON, a text without blanks bare; None is a key that is not there, as TOML has no null."""
    if value is None:
        return "(not set)"
    return value if isinstance(value, str) and value.split() == [value] else json.dumps(value, ensure_ascii=False)
