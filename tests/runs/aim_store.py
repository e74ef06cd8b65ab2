"""Reading an Aim repository back, also runs that Aim has not indexed."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ups_framework.runs.aim_run import import_aim, runs_of

needs_aim = pytest.mark.skipif(sys.version_info >= (3, 13), reason="Aim has no build for Python 3.13 and later")

Series = dict[tuple[str, frozenset[tuple[str, str]]], dict[int, float]]
"""By name and context: values by step."""


def stored(runs: Path) -> dict[str, Any]:  # Aim is untyped
    """The Aim runs of a repository by name; two runs of one name are an error."""
    found = runs_of(import_aim(), str(runs))
    names = [run.name for run in found]
    assert len(set(names)) == len(names), names
    return dict(zip(names, found, strict=True))


def series(run: Any) -> Series:
    """All numbers of a run; a step that comes twice is an error."""
    found: Series = {}
    for metric in run.metrics():
        steps, (values, _, _) = metric.data.numpy()
        assert len(set(steps.tolist())) == len(steps), metric.name
        key = metric.name, frozenset(metric.context.to_dict().items())
        found[key] = dict(zip(steps.tolist(), values.tolist(), strict=True))
    return found


def points(run: Any, name: str, context: Mapping[str, str]) -> dict[int, float]:
    return series(run).get((name, frozenset(context.items())), {})


def names(run: Any, kind: str) -> set[str]:
    """Names of the sequences of a kind: `images`, `texts`, `distributions`."""
    return {item["name"] for item in run.collect_sequence_info(kind)[kind]}
