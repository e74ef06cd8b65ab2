"""What a device reaches at best: the rates that a step's floors are reckoned with, measured."""

import time
from collections.abc import Callable

import torch
from attrs import frozen

from ups_framework.engine.estimate import Clock
from ups_framework.engine.stopwatch import seconds_in_turn

_ROUNDS = 10
_SMALL = 1000
"""Operations on a single number, one after another."""


@frozen(kw_only=True)
class DeviceRates:
    """Rates of one device, in this process."""

    flops_per_second: float
    """Of a large matrix product in the precision of the networks."""

    bytes_per_second: float
    """Of a copy of a large tensor, read and written."""

    operation_seconds: float
    """Of an operation on a single number, one after another."""


def measure_rates(device: torch.device, precision: torch.dtype, clock: Clock = time.perf_counter) -> DeviceRates:
    """The fastest of some rounds; takes about a second, and memory for the large tensors."""
    size, length = (8192, 2**28) if device.type == "cuda" else (1024, 2**24)
    product, copy, small = (_product(size, device, precision), _copy(length, device), _chain(device))
    times = seconds_in_turn([product, copy, small], _ROUNDS, 2, clock)
    taken = [min(each) for each in times]
    return DeviceRates(
        flops_per_second=2 * size**3 / taken[0],
        bytes_per_second=2 * 4 * length / taken[1],
        operation_seconds=taken[2] / _SMALL,
    )


def _product(size: int, device: torch.device, precision: torch.dtype) -> Callable[[int], None]:
    one, other = torch.ones(2, size, size, device=device, dtype=precision)
    result = torch.empty_like(one)

    def multiply(turn: int) -> None:
        torch.mm(one, other, out=result)

    return multiply


def _copy(length: int, device: torch.device) -> Callable[[int], None]:
    source = torch.ones(length, device=device)
    target = torch.ones_like(source)

    def copy(turn: int) -> None:
        target.copy_(source)

    return copy


def _chain(device: torch.device) -> Callable[[int], None]:
    number = torch.zeros((), device=device)

    def add(turn: int) -> None:
        for _ in range(_SMALL):
            number.add_(1)

    return add
