"""What an operator promises."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ups_framework.api import Latent
from ups_framework.testing import inputs
from ups_framework.testing.checks import Suite, distance, shape_problems
from ups_framework.testing.module_checks import awake, built, module_checks
from ups_framework.testing.subject import Subject


def _advance(subject: Subject, module: nn.Module, dtype: torch.dtype) -> Latent:
    latent = inputs.latent(subject, dtype)
    dt = torch.tensor([0.5, 1.0, 2.0], dtype=dtype)[: len(latent.tokens)]
    advanced: Latent = module(latent, dt, inputs.parameters(subject, dtype))
    return advanced


def _run(subject: Subject, module: nn.Module, dtype: torch.dtype) -> Sequence[Tensor]:
    return [_advance(subject, module, dtype).tokens]


def gives_a_latent_at_the_same_places(subject: Subject) -> Iterator[str]:
    """Tokens of the same shape at the same positions."""
    start = inputs.latent(subject, torch.float32)
    advanced = _advance(subject, awake(subject, built(subject)), torch.float32)
    yield from shape_problems("its tokens", advanced.tokens, tuple(start.tokens.shape), torch.float32)
    if not torch.equal(advanced.positions, start.positions):
        yield "the tokens have moved: an operator changes their state, not their places"


def changes_nothing_before_it_is_trained(subject: Subject) -> Iterator[str]:
    """Built anew, it gives back the latent: persistence."""
    start = inputs.latent(subject, torch.float32).tokens
    change = distance(_advance(subject, built(subject), torch.float32).tokens, start)
    if change > 1e-6:
        yield f"untrained, it changes the latent by {change:.2g} of its size: let its last weights start at zero"


SUITE = Suite(
    use=lambda subject: _run(subject, awake(subject, built(subject)), torch.float32),
    checks=(gives_a_latent_at_the_same_places, changes_nothing_before_it_is_trained, *module_checks(_run)),
)
