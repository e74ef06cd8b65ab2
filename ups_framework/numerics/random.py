"""Randomness as a function, not a state: who asks under the same name gets the same numbers."""

import hashlib

import torch


def derived_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed that depends on `seed` and on every part of `purpose`, and on nothing else."""
    text = "\x1f".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose, such as `generator(seed, "sampler", step)`.

    Drawing from it changes no other draw, so that switching one term of a recipe on leaves all others as they were.
    """
    return torch.Generator().manual_seed(derived_seed(seed, *purpose))
