"""Data is what the problem says of it, and results say what data they are of."""

from typing import TYPE_CHECKING

import attrs
import pytest

from tests.engine.problems import Advection
from ups_framework.api import Parameter, Problem
from ups_framework.errors import DataError

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare


def test_a_parameter_beyond_its_declared_range_is_refused(
    prepare_recipe: "Prepare", monkeypatch: pytest.MonkeyPatch
) -> None:
    declared, narrow = Advection.problem, (Parameter(name="speed", low=0.5, high=1.0),)

    def problem(self: Advection) -> Problem:
        return attrs.evolve(declared(self), parameters=narrow)

    monkeypatch.setattr(Advection, "problem", problem)
    with pytest.raises(DataError, match=r"Advection\): speed goes from .* in the train .* says from 0\.5 to 1\."):
        prepare_recipe()


def test_a_dataset_that_does_not_say_how_it_was_made_is_known_by_its_settings(prepare_recipe: "Prepare") -> None:
    assert prepare_recipe("data.test=3", heat=True).data.protocol == {
        "use": "tests:heat",
        "train": 16,
        "validation": 4,
        "test": 3,
    }
    assert prepare_recipe().data.protocol == {"exact": True}
