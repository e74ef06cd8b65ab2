"""Chance for networks, which can only draw from torch's global generators: seeded for a purpose, then put back."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ups_framework.numerics.random import derived_seed


@contextmanager
def seeded(device: torch.device, seed: int, *purpose: str | int) -> Iterator[None]:
    """Seed torch's global generators of the CPU and of `device` for one purpose inside the block, and restore them.

    Not by `torch.manual_seed`, which asks every kind of device that torch knows, and takes longer than some steps.
    """
    generators = _generators(device)
    before = [each.get_state() for each in generators]
    try:
        for each in generators:
            each.manual_seed(derived_seed(seed, *purpose))
        yield
    finally:
        for each, state in zip(generators, before, strict=True):
            each.set_state(state)


def _generators(device: torch.device) -> list[torch.Generator]:
    if device.type != "cuda":
        return [torch.default_generator]
    torch.cuda.init()
    index = torch.cuda.current_device() if device.index is None else device.index
    return [torch.default_generator, torch.cuda.default_generators[index]]
