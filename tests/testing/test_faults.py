"""Each check of the kit finds the fault that is planted for it, and finds nothing in a sound component."""

import os
from collections.abc import Iterator

import pytest

from tests.testing.faults import (
    FaultyBaseline,
    FaultyDecoder,
    FaultyEncoder,
    FaultyLoss,
    FaultyMetric,
    FaultyOperator,
    FaultySampler,
)
from tests.testing.faulty_inside import FaultyGuard, FaultyTransform
from tests.testing.pictures import FaultyPicture
from ups_framework.registry import Component
from ups_framework.testing import (
    baseline_checks,
    decoder_checks,
    encoder_checks,
    guard_checks,
    latent_transform_checks,
    loss_checks,
    metric_checks,
    operator_checks,
    picture_checks,
    sampler_checks,
)
from ups_framework.testing.checks import Check, Suite, outcome
from ups_framework.testing.common import common_checks
from ups_framework.testing.settings import travelling_waves
from ups_framework.testing.subject import Subject

KINDS: dict[str, tuple[type, Suite]] = {
    "encoder": (FaultyEncoder, encoder_checks.SUITE),
    "operator": (FaultyOperator, operator_checks.SUITE),
    "decoder": (FaultyDecoder, decoder_checks.SUITE),
    "latent_transform": (FaultyTransform, latent_transform_checks.SUITE),
    "guard": (FaultyGuard, guard_checks.SUITE),
    "sampler": (FaultySampler, sampler_checks.SUITE),
    "loss": (FaultyLoss, loss_checks.SUITE),
    "metric": (FaultyMetric, metric_checks.SUITE),
    "baseline": (FaultyBaseline, baseline_checks.SUITE),
    "picture": (FaultyPicture, picture_checks.SUITE),
}


def _checks(kind: str) -> Iterator[Check]:
    suite = KINDS[kind][1]
    yield from (*common_checks(suite), *suite.checks, *suite.somewhere)


def _subject(kind: str, fault: str) -> Subject:
    spec, setting = KINDS[kind][0], travelling_waves(1)
    component = Component(kind=kind, name="faulty", plugin="faulty", spec=spec)
    return Subject(component=component, spec=spec(fault=fault), setting=setting, latent=setting.latent)


ALL = [(kind, check) for kind in KINDS for check in _checks(kind)]


@pytest.mark.parametrize(("kind", "check"), ALL, ids=lambda item: getattr(item, "__name__", item))
def test_a_sound_component_passes(kind: str, check: Check) -> None:
    assert outcome(check, _subject(kind, fault="")) is None


@pytest.mark.parametrize(("kind", "check"), ALL, ids=lambda item: getattr(item, "__name__", item))
def test_a_planted_fault_is_found(kind: str, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    problem = outcome(check, _subject(kind, fault=check.__name__))
    assert problem is not None
    assert "Error:" not in problem, f"found by accident: {problem}"
