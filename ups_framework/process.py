"""State of the whole process, which belongs to nobody's component: read, compared and put back."""

import os
import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from attrs import frozen

ENVIRONMENT = "the environment"


@frozen(kw_only=True)
class Piece:
    """One piece of it."""

    read: Callable[[], Any]  # pieces have nothing in common but that they can be compared
    """What it is now, as a value that compares."""

    write: Callable[[Any], object]
    """Makes it what was read."""


def _numpy_state() -> tuple[object, ...]:
    name, keys, *rest = np.random.get_state()
    return (name, tuple(keys), *rest)


def _write_default_device(device: torch.device) -> None:
    """The CPU as the default means none, as at the start: another one makes torch take a detour at every call."""
    torch.set_default_device(None if device.type == "cpu" else device)


def _current_folder() -> str | None:
    """None where somebody has removed it."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _change_folder(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _write_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


PIECES: Mapping[str, Piece] = MappingProxyType(
    {
        "torch's random state": Piece(
            read=lambda: torch.get_rng_state().numpy().tobytes(),
            write=lambda state: torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8)),
        ),
        "numpy's random state": Piece(read=_numpy_state, write=np.random.set_state),
        "Python's random state": Piece(read=random.getstate, write=random.setstate),
        "torch's default dtype": Piece(read=torch.get_default_dtype, write=torch.set_default_dtype),
        "torch's default device": Piece(read=torch.get_default_device, write=_write_default_device),
        "torch's number of threads": Piece(read=torch.get_num_threads, write=torch.set_num_threads),
        "torch's gradient mode": Piece(read=torch.is_grad_enabled, write=torch.set_grad_enabled),
        "torch's deterministic mode": Piece(
            read=torch.are_deterministic_algorithms_enabled, write=torch.use_deterministic_algorithms
        ),
        "the current folder": Piece(read=_current_folder, write=_change_folder),
        ENVIRONMENT: Piece(read=lambda: dict(os.environ), write=_write_environment),
    }
)
"""Everything that is watched, by its name in messages."""


def process_state() -> dict[str, Any]:
    """All pieces as they are now."""
    return {name: piece.read() for name, piece in PIECES.items()}


def restore(before: Mapping[str, Any]) -> list[str]:
    """Make the pieces what they were; the names of those that had changed."""
    changed = [name for name, value in before.items() if PIECES[name].read() != value]
    for name in changed:
        PIECES[name].write(before[name])
    return changed
