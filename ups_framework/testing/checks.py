"""What a check is: a function whose name says what should be true, and that yields what it finds instead."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from ups_framework.border import PASSING, reason
from ups_framework.testing.subject import Subject

Check = Callable[..., Iterator[str]]
"""Takes what it is about; named as a sentence about it."""


@frozen(kw_only=True, eq=False)
class Use:
    """A component about to be built and used once, as the framework would."""

    given: Sequence[Tensor]
    """Every tensor that it is given, or finds in what it is given."""

    call: Callable[[], Sequence[Tensor]]
    """Builds and uses it: every tensor that comes out."""


@frozen(kw_only=True)
class Suite:
    """The checks of one kind."""

    use: Callable[[Subject], Use]
    """One use, the same every time."""

    gives_tensors: bool = True
    """Whether what comes out is on a device; the pixels of a picture are not."""

    checks: tuple[Check, ...]
    """What only this kind promises, for every problem that the component suits."""

    somewhere: tuple[Check, ...] = ()
    """What it promises for one of them at least."""


def outcome(check: Check, *about: Any) -> str | None:
    """The first thing that a check finds; what it raises is a finding too."""
    try:
        return next(iter(check(*about)), None)
    except PASSING:
        raise
    except BaseException as error:  # a stranger's code runs here, and may raise anything
        return reason(error)


def shape_problems(what: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Iterator[str]:
    """A wrong shape or type, or numbers that are not finite."""
    if tuple(tensor.shape) != shape:
        yield f"{what} has the shape {tuple(tensor.shape)} where {shape} is promised"
    elif tensor.dtype != dtype:
        yield f"{what} is {_name(tensor.dtype)} where the input is {_name(dtype)}"
    elif tensor.dtype.is_floating_point and not bool(tensor.isfinite().all()):
        yield f"{what} has values that are not finite"


def distance(first: Tensor, second: Tensor) -> float:
    """Largest difference relative to the largest value; infinite where shapes differ."""
    if first.shape != second.shape:
        return float("inf")
    if not second.numel():
        return 0.0
    return float((first - second).detach().abs().max()) / (float(second.detach().abs().max()) or 1.0)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
