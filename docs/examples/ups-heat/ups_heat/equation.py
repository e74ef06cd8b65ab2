"""The equation u_t = κ ∇²u on the periodic unit interval or square, and its exact solution."""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from ups_framework.api import Axis, Grid, Problem, SpecError

NAME = "heat"
"""Name of the problem; its first parameter is the diffusivity κ."""


def require_heat(problem: Problem) -> None:
    """SpecError on `use` if the problem is about another equation."""
    if problem.name != NAME:
        raise SpecError("use", f"knows the equation {NAME!r} only, but the data is about {problem.name!r}")


def domain(dimensions: int, points: int) -> Grid:
    """The periodic unit interval or square with `points` along each axis, the first at 0."""
    axes = tuple(Axis(name=name, unit="m") for name in "xy"[:dimensions])
    return Grid(axes=axes, shape=(points,) * dimensions, offset=(0.0,) * dimensions)


def wave_vectors(dimensions: int, largest: int) -> Float[Tensor, "M d"]:
    """All m with at most `largest` waves along each axis."""
    along = torch.arange(-largest, largest + 1, dtype=torch.float64)
    return torch.cartesian_prod(*[along] * dimensions).reshape(-1, dimensions)


def exact_solution(
    amplitudes: Complex[Tensor, "B M"],
    waves: Float[Tensor, "M d"],
    diffusivity: Float[Tensor, " B"],
    times: Float[Tensor, " T"],
    grid: Grid,
) -> Float[Tensor, "B T N 1"]:
    """Each wave decays at its own rate, at any points, in float64:

    u(x, t) = Re Σ_m a_m exp(2πi m·x − κ |2πm|² t)
    """
    rate = diffusivity[:, None, None] * (2 * math.pi * waves).square().sum(1)
    amplitudes = amplitudes[:, None] * torch.exp(-rate * times[:, None])
    place = torch.cartesian_prod(*(grid.coordinates(axis) for axis in range(len(grid.shape))))
    phase = 2 * math.pi * waves @ place.reshape(grid.num_points, -1).T
    u: Tensor = amplitudes.real @ phase.cos() - amplitudes.imag @ phase.sin()
    return u.unsqueeze(-1)
