"""Each check of a dataset finds the fault that is planted for it, and finds nothing in a sound dataset."""

from pathlib import Path

import pytest

from tests.testing.faulty_dataset import FaultyDataset
from ups_framework.testing.checks import Check, outcome
from ups_framework.testing.dataset_checks import CHECKS
from ups_framework.testing.settings import Experiment


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_planted_fault_of_a_dataset_is_found_and_a_sound_one_passes(check: Check, tmp_path: Path) -> None:
    assert outcome(check, Experiment(spec=FaultyDataset(), folder=tmp_path / "sound")) is None
    problem = outcome(check, Experiment(spec=FaultyDataset(fault=check.__name__), folder=tmp_path / "faulty"))
    assert problem is not None
    assert "Error:" not in problem, f"found by accident: {problem}"
