"""A recipe as its tables by path, so that one with mistakes can be judged as far as it can be read."""

from collections.abc import Mapping
from typing import Any

import attrs

from ups_framework.recipe.recipe import Recipe

Tables = Mapping[str, Any]
"""What is at each path (`data`, `encoder`, `losses.prediction`, `stages.operator`, `seed`): each has its own type."""


def tables_of(recipe: Recipe) -> Tables:
    """All of a recipe; tables of named tables, such as `losses`, give way to what is in them."""
    tables: dict[str, Any] = {}
    for key in attrs.fields_dict(Recipe):
        value = getattr(recipe, key)
        tables |= {f"{key}.{name}": item for name, item in value.items()} if isinstance(value, dict) else {key: value}
    return tables
