"""What an encoder promises."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ups_framework.api import Latent
from ups_framework.testing import inputs
from ups_framework.testing.checks import Suite, Use, shape_problems
from ups_framework.testing.module_checks import awake, built, module_checks
from ups_framework.testing.subject import Subject


def _given(subject: Subject, dtype: torch.dtype) -> Sequence[Tensor]:
    return inputs.fields(subject, dtype), inputs.coordinates(subject, dtype), inputs.parameters(subject, dtype)


def _encode(subject: Subject, module: nn.Module, dtype: torch.dtype) -> Latent:
    latent: Latent = module(*_given(subject, dtype))
    return latent


def _run(subject: Subject, module: nn.Module, dtype: torch.dtype) -> Sequence[Tensor]:
    return [_encode(subject, module, dtype).tokens]


def gives_a_latent_of_the_promised_shape(subject: Subject) -> Iterator[str]:
    """Tokens (B T D) of the size asked for, positions (T d) inside the domain."""
    latent = _encode(subject, built(subject), torch.float32)
    size, grid = subject.latent, subject.setting.problem.grid
    count = len(subject.setting.trajectories)
    yield from shape_problems("its tokens", latent.tokens, (count, size.tokens, size.width), torch.float32)
    yield from shape_problems("its positions", latent.positions, (size.tokens, len(grid.axes)), torch.float32)
    for axis, column in zip(grid.axes, latent.positions.unbind(-1), strict=True):
        if not axis.lower <= float(column.min()) <= float(column.max()) <= axis.upper:
            yield f"tokens lie outside the domain along {axis.name}"


def tells_different_fields_apart(subject: Subject) -> Iterator[str]:
    """Two fields have two latents."""
    tokens = _encode(subject, built(subject), torch.float32).tokens
    if torch.allclose(tokens[0], tokens[1], rtol=1e-5):
        yield "two different fields have the same latent"


def _use(subject: Subject) -> Use:
    given = _given(subject, torch.float32)
    return Use(given=given, call=lambda: inputs.tensors(awake(subject, built(subject))(*given)))


SUITE = Suite(
    use=_use,
    checks=(gives_a_latent_of_the_promised_shape, *module_checks(_run), tells_different_fields_apart),
)
