"""How large a part may be: sizes that were mistyped are refused before they eat the memory of the machine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

MOST_NUMBERS = 2**31
"""In the tensors that one part makes when it is built: 8 GiB in single precision."""

MOST_TENSORS = 20_000
"""That one part makes when it is built: a thousand blocks of a transformer."""

MOST_DATA = 10**12
"""Numbers in all trajectories of a dataset: 4 TB in single precision."""

_MAKE_TENSORS = {
    *("arange", "empty", "empty_strided", "eye", "full", "hann_window", "linspace", "logspace", "new_empty"),
    *("new_full", "new_ones", "new_zeros", "ones", "rand", "randint", "randn", "randperm", "range", "zeros"),
}
_TOO_MANY_NUMBERS = f"too large: it would hold more than {MOST_NUMBERS:,} numbers"
_TOO_MANY_TENSORS = f"too large: it would be made of more than {MOST_TENSORS:,} tensors"


class TooLargeError(Exception):
    """A part that is too large to be built. Becomes a mistake of the recipe."""


@contextmanager
def limited() -> Iterator[None]:
    """Building inside makes only so many numbers and tensors. Raises TooLargeError before there are more."""
    with _Limit():
        try:
            yield
        except (RuntimeError, TypeError, OverflowError) as error:
            if "overflow" not in str(error).lower():  # what torch and Python say of sizes beyond 64 bits
                raise
            raise TooLargeError(_TOO_MANY_NUMBERS) from error


class _Limit(TorchFunctionMode):
    """Counts every tensor that is made, before its memory is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = 0
        self._tensors = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],  # any function of torch
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in _MAKE_TENSORS:
            self._numbers += _size(func, args, kwargs)
            self._tensors += 1
            if self._numbers > MOST_NUMBERS:
                raise TooLargeError(_TOO_MANY_NUMBERS)
            if self._tensors > MOST_TENSORS:
                raise TooLargeError(_TOO_MANY_TENSORS)
        return func(*args, **kwargs)


def _size(func: Callable[..., torch.Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """How many numbers a function would make."""
    rest = {key: value for key, value in kwargs.items() if key not in ("device", "generator", "out", "pin_memory")}
    return func(*args, **rest, device="meta").numel()
