"""Chance for networks, which can only draw from torch's global generator: seeded for a purpose, then put back."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ups_framework.numerics.random import derived_seed


@contextmanager
def seeded(device: torch.device, seed: int, *purpose: str | int) -> Iterator[None]:
    """Seed torch's global generators for one purpose inside the block and restore them after it."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derived_seed(seed, *purpose))
        yield
