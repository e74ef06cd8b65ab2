"""What a guard promises."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ups_framework.api import Correct
from ups_framework.numerics.random import generator
from ups_framework.testing.checks import Suite, Use, distance, shape_problems
from ups_framework.testing.subject import Subject


def _frames(subject: Subject) -> tuple[Tensor, Tensor]:
    """A prediction that is off, and the true frame before it."""
    values = subject.setting.trajectories.values
    noise = torch.randn(values[:, 1].shape, generator=generator(0, "conformance", "noise"))
    return values[:, 1] + 0.5 * values.std() * (noise + 1), values[:, 0]


def _corrected(subject: Subject, values: Tensor, before: Tensor) -> Tensor:
    correct: Correct = subject.build()
    return correct(values, before)


def _use(subject: Subject) -> Use:
    values, before = _frames(subject)
    return Use(given=[values, before], call=lambda: [_corrected(subject, values, before)])


def gives_a_frame_like_the_one_it_is_given(subject: Subject) -> Iterator[str]:
    """Shape and precision, in float32 and float64; all values stay finite."""
    correct, (values, before) = subject.build(), _frames(subject)
    for dtype in (torch.float32, torch.float64):
        found = correct(values.to(dtype), before.to(dtype))
        yield from shape_problems("what it gives", found, tuple(values.shape), dtype)


def corrects_what_is_wrong(subject: Subject) -> Iterator[str]:
    """A noisy prediction that is too large does not stay as it is, for one problem at least."""
    values, before = _frames(subject)
    if torch.equal(subject.build()(values - 3 * values.std(), before), values - 3 * values.std()):
        yield "it leaves a frame that is far off as it is"


def leaves_alone_what_it_has_corrected(subject: Subject) -> Iterator[str]:
    """A second correction changes nothing, to 1e-5."""
    correct, (values, before) = subject.build(), _frames(subject)
    once = correct(values, before)
    change = distance(correct(once, before), once)
    if change > 1e-5:
        yield f"a second correction changes the frame by {change:.2g} of its size"


def lets_gradients_through(subject: Subject) -> Iterator[str]:
    values, before = _frames(subject)
    values.requires_grad_()
    found = subject.build()(values, before)
    if not found.requires_grad or not bool(torch.autograd.grad(found.square().sum(), values)[0].any()):
        yield "no gradient comes through it, so that nothing before it could be trained"


def treats_samples_one_by_one(subject: Subject) -> Iterator[str]:
    correct, (values, before) = subject.build(), _frames(subject)
    if distance(correct(values, before)[:1], correct(values[:1], before[:1])) > 1e-5:
        yield "what it gives for a sample depends on the other samples of the batch"


SUITE = Suite(
    use=_use,
    checks=(
        gives_a_frame_like_the_one_it_is_given,
        leaves_alone_what_it_has_corrected,
        lets_gradients_through,
        treats_samples_one_by_one,
    ),
    somewhere=(corrects_what_is_wrong,),
)
