"""What an operator promises."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ups_framework.api import Latent
from ups_framework.testing import inputs
from ups_framework.testing.checks import Suite, Use, distance, shape_problems
from ups_framework.testing.module_checks import awake, built, module_checks
from ups_framework.testing.subject import Subject


def _given(subject: Subject, dtype: torch.dtype) -> tuple[Latent, Tensor, Tensor]:
    latent = inputs.latent(subject, dtype)
    dt = torch.tensor([0.5, 1.0, 2.0], dtype=dtype)[: len(latent.tokens)]
    return latent, dt, inputs.parameters(subject, dtype)


def _advance(subject: Subject, module: nn.Module, dtype: torch.dtype) -> Latent:
    advanced: Latent = module(*_given(subject, dtype))
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


def _use(subject: Subject) -> Use:
    latent, *conditions = _given(subject, torch.float32)
    return Use(
        given=[*inputs.tensors(latent), *conditions],
        call=lambda: inputs.tensors(awake(subject, built(subject))(latent, *conditions)),
    )


SUITE = Suite(
    use=_use,
    checks=(gives_a_latent_at_the_same_places, changes_nothing_before_it_is_trained, *module_checks(_run)),
)
