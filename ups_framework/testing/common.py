"""What every kind promises: no chance of its own, no trace outside, no change of what it is given."""

import random
from collections.abc import Iterator

import numpy as np
import torch

from ups_framework.process import process_state, restore
from ups_framework.testing.checks import Check, Suite, distance
from ups_framework.testing.subject import Subject


def common_checks(suite: Suite) -> tuple[Check, ...]:
    """The checks of all kinds for one that is used in this way."""

    def gives_the_same_numbers_whatever_was_drawn_before(subject: Subject) -> Iterator[str]:
        first = suite.use(subject).call()
        with torch.random.fork_rng(devices=[]):
            torch.rand(17)
            random.random(), np.random.rand()
            again = suite.use(subject).call()
        differing = [distance(a, b) for a, b in zip(first, again, strict=True) if not _equal(a, b)]
        if differing:
            yield (
                f"the second time it differs by {max(differing):.2g} of its size: draw from the generator that is "
                "given, or from `generator(seed, purpose)`, and keep nothing between calls"
            )

    def touches_nothing_global(subject: Subject) -> Iterator[str]:
        before = process_state()
        suite.use(subject).call()
        for name in restore(before):
            yield f"it changes {name} of the whole process"

    def leaves_its_inputs_as_they_were(subject: Subject) -> Iterator[str]:
        """Every tensor that it is given; of a loss, also what its step has computed for all losses."""
        use = suite.use(subject)
        before = [tensor.detach().clone() for tensor in use.given]
        use.call()
        changed = [(now, then) for now, then in zip(use.given, before, strict=True) if not _equal(now, then)]
        with torch.no_grad():
            for now, then in changed:
                now.copy_(then)
        if changed:
            yield "it writes into a tensor that it is given, which others read too: work on a copy"

    def stays_on_the_device_of_its_inputs(subject: Subject) -> Iterator[str]:
        """All but a picture, which gives no tensor."""
        for tensor in suite.use(subject).call():
            if tensor.device != subject.setting.device:
                yield f"it gives a tensor on {tensor.device} where the input is on {subject.setting.device}"

    every = (
        gives_the_same_numbers_whatever_was_drawn_before,
        touches_nothing_global,
        leaves_its_inputs_as_they_were,
    )
    return (*every, stays_on_the_device_of_its_inputs) if suite.gives_tensors else every


def _equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and torch.allclose(first, second, rtol=0.0, atol=0.0, equal_nan=True)
