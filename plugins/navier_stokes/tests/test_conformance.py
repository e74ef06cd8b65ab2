"""The plugin keeps what the kinds promise."""

from pathlib import Path

import pytest
from ups_navier_stokes.plugin import ups_datasets

from ups_framework.testing import check_plugin
from ups_framework.testing.dataset_checks import CHECKS
from ups_framework.testing.settings import Experiment


def test_the_plugin_conforms() -> None:
    check_plugin("navier_stokes")


@pytest.mark.parametrize("name", ["navier_stokes_decaying", "navier_stokes_kolmogorov", "navier_stokes_forced"])
def test_each_dataset_conforms_as_velocity_too(name: str, tmp_path: Path) -> None:
    spec = ups_datasets()[name]
    small = {"train": 3, "validation": 2, "test": 2, "points": 16}
    experiment = Experiment(spec=spec(**{**spec.example, **small, "fields": "velocity"}), folder=tmp_path)
    assert [problem for check in CHECKS for problem in check(experiment)] == []
