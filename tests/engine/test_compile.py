"""Compiled parts give the same numbers. This test takes most of the time of the engine's tests."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.conftest import Train


@pytest.mark.filterwarnings("ignore")  # the compiler warns of itself
def test_compiled_parts_train_to_the_same_losses(train: "Train") -> None:
    settings = (
        "stages.operator.steps=3",
        "decoder.heads=0",
        "training.log_every=1",
        "training.audit_every=100",
        "optimizer.learning_rate=1e-4",  # Adam makes much of rounding where gradients are near zero
    )
    plain, compiled = (train(*settings, f"training.compile={on}", heat=True) for on in ("false", "true"))
    assert len(compiled.log.trained_at) == 3
    for (_, _, one), (_, _, other) in zip(plain.log.trained_at, compiled.log.trained_at, strict=True):
        assert other.loss == pytest.approx(one.loss, abs=1e-4)
    assert compiled.log.validated_at[-1][3] == pytest.approx(plain.log.validated_at[-1][3], abs=1e-4)
    assert set(compiled.weights()) == set(plain.weights())
