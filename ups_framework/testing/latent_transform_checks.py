"""What a transform of latents promises."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ups_framework.testing import inputs
from ups_framework.testing.checks import Suite, Use, shape_problems
from ups_framework.testing.module_checks import awake, built, module_checks
from ups_framework.testing.subject import Subject


def _run(subject: Subject, module: nn.Module, dtype: torch.dtype) -> Sequence[Tensor]:
    tokens: Tensor = module(inputs.latent(subject, dtype)).tokens
    return [tokens]


def keeps_the_shape_and_places_of_a_latent(subject: Subject) -> Iterator[str]:
    """In training and out of it; all values stay finite."""
    module, latent = built(subject), inputs.latent(subject, torch.float32)
    for training in (False, True):
        changed = module.train(training)(latent)
        yield from shape_problems("its tokens", changed.tokens, tuple(latent.tokens.shape), torch.float32)
        if not torch.equal(changed.positions, latent.positions):
            yield "the tokens have moved: a transform changes their state, not their places"


def lets_gradients_through(subject: Subject) -> Iterator[str]:
    """From its tokens to those it is given, in training and out of it."""
    module, latent = awake(subject, built(subject)), inputs.latent(subject, torch.float32)
    for training in (False, True):
        tokens = latent.tokens.clone().requires_grad_()
        changed = module.train(training)(latent.with_tokens(tokens)).tokens
        if not changed.requires_grad or not bool(torch.autograd.grad(changed.square().sum(), tokens)[0].any()):
            yield "no gradient comes through it, so that nothing before it could be trained"


_MODULE_CHECKS = tuple(check for check in module_checks(_run) if check.__name__ != "gives_every_parameter_a_gradient")
"""A transform may have no parameters."""


def _use(subject: Subject) -> Use:
    latent = inputs.latent(subject, torch.float32)
    return Use(given=inputs.tensors(latent), call=lambda: inputs.tensors(awake(subject, built(subject))(latent)))


SUITE = Suite(
    use=_use,
    checks=(keeps_the_shape_and_places_of_a_latent, lets_gradients_through, *_MODULE_CHECKS),
)
