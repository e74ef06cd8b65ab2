"""What the parts are given: normalised fields, scaled parameters, and latents of a shape that any operator takes."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ups_framework.api import Latent
from ups_framework.numerics.random import generator
from ups_framework.testing.subject import Subject


def fields(subject: Subject, dtype: torch.dtype) -> Tensor:
    """Normalised values of the first frames, (B, N, C)."""
    values = subject.setting.trajectories.values
    flat = subject.setting.normalisation.flatten(0, -2)
    return ((values[:, 0] - flat.mean(0)) / flat.std(0).clamp_min(1e-12)).to(dtype)


def coordinates(subject: Subject, dtype: torch.dtype) -> Tensor:
    """Of the training grid, (N, d)."""
    return subject.setting.problem.grid.points().to(dtype)


def parameters(subject: Subject, dtype: torch.dtype) -> Tensor:
    """Scaled to [-1, 1], (B, P)."""
    return subject.setting.problem.scaled_parameters(subject.setting.trajectories.parameters).to(dtype)


def latent(subject: Subject, dtype: torch.dtype) -> Latent:
    """Tokens at the centres of equal patches where their number allows it, else at equally many grid points."""
    grid, size = subject.setting.problem.grid, subject.latent
    count = len(subject.setting.trajectories)
    draw = generator(0, "conformance", "latent")
    tokens = torch.randn(3, size.tokens, size.width, generator=draw)[:count].to(dtype)
    shape = _token_grid(grid.shape, size.tokens)
    if shape is None:
        points = grid.points()
        chosen = torch.linspace(0, len(points) - 1, size.tokens).long()
        return Latent(tokens=tokens, positions=points[chosen].to(dtype))
    ends = zip(grid.axes, shape, strict=True)
    centres = [axis.lower + (torch.arange(n) + 0.5) * axis.length / n for axis, n in ends]
    mesh = torch.meshgrid(*centres, indexing="ij")
    positions = torch.stack([coordinate.flatten() for coordinate in mesh], dim=-1).to(dtype)
    return Latent(tokens=tokens, positions=positions, grid=shape)


def tensors(latent: Latent) -> Sequence[Tensor]:
    """All that a latent holds."""
    return latent.tokens, latent.positions


def _token_grid(shape: tuple[int, ...], tokens: int) -> tuple[int, ...] | None:
    """Tokens along each axis where equal square patches make so many."""
    patch = round((math.prod(shape) / tokens) ** (1 / len(shape)))
    if patch < 1 or any(n % patch for n in shape):
        return None
    grid = tuple(n // patch for n in shape)
    return grid if math.prod(grid) == tokens else None
