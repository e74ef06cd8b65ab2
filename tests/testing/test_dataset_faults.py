"""Each check of a dataset finds the fault that is planted for it, and finds nothing in a sound dataset."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from attrs import field, frozen, validators

from tests.testing.faulty_dataset import FaultyDataset
from ups_framework.api import Data, Dataset, Extent, Problem
from ups_framework.plugins import Registry
from ups_framework.testing.checks import Check, outcome
from ups_framework.testing.dataset_checks import CHECKS
from ups_framework.testing.settings import Experiment, Laboratory


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_planted_fault_of_a_dataset_is_found_and_a_sound_one_passes(check: Check, tmp_path: Path) -> None:
    assert outcome(check, Experiment(spec=FaultyDataset(), folder=tmp_path / "sound")) is None
    problem = outcome(check, Experiment(spec=FaultyDataset(fault=check.__name__), folder=tmp_path / "faulty"))
    assert problem is not None
    assert "Error:" not in problem, f"found by accident: {problem}"


class _Four(Dataset):
    """u_t + c u_x = 0."""

    def problem(self) -> Problem:
        return FaultyDataset().problem()

    def extent(self) -> Extent:
        return FaultyDataset().extent()

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        whole = FaultyDataset(train=self.train, validation=self.validation, test=self.test)
        return whole.build(folder=folder, device=device, report=report)


@frozen(kw_only=True)
class Choosy(_Four):
    """u_t + c u_x = 0, of four trajectories or more."""

    train: int = field(default=4, validator=validators.ge(4))
    """Training trajectories."""

    validation: int = 2
    """Validation trajectories."""

    test: int = 2
    """Test trajectories."""


@frozen(kw_only=True)
class Explained(_Four):
    """u_t + c u_x = 0, of four trajectories or more, which its example says."""

    example: ClassVar[Mapping[str, object]] = {"train": 5}

    train: int = field(default=4, validator=validators.ge(4))
    """Training trajectories."""

    validation: int = 2
    """Validation trajectories."""

    test: int = 2
    """Test trajectories."""


def test_a_dataset_that_refuses_the_splits_of_a_trial_is_reported_and_its_example_is_heeded(tmp_path: Path) -> None:
    registry = Registry()
    laboratory = Laboratory(registry=registry, plugin="planted", folder=tmp_path)
    refused = laboratory.experiment(registry.add("dataset", "choosy", Choosy, "planted"))
    assert "it cannot be tried with train = 3, validation = 2, test = 2" in str(refused.unusable)
    assert "'train' must be >= 4: 3" in str(refused.unusable)
    assert len(laboratory.experiment(registry.add("dataset", "explained", Explained, "planted")).data.train) == 5
    names = [setting.name for setting in laboratory.own_settings()]
    assert "planted:explained" in names
    assert "planted:choosy" not in names
