"""Problems to build networks for."""

from importlib.util import find_spec
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from ups_framework.api import Axis, Field, Grid, Latent, LatentSize, Operator, Parameter, Problem

Boundary = Literal["periodic", "dirichlet"]

HAS_LIBRARY = find_spec("neuralop") is not None
with_library = pytest.mark.skipif(not HAS_LIBRARY, reason="the extra [fno] is not installed")
without_library = pytest.mark.skipif(HAS_LIBRARY, reason="the extra [fno] is installed")


def problem_of(*shape: int, boundary: Boundary = "periodic") -> Problem:
    axes = tuple(Axis(name=name, boundary=boundary) for name in "xyz"[: len(shape)])
    return Problem(
        name="anything",
        fields=(Field(name="u"),),
        grid=Grid(axes=axes, shape=shape, offset=(0.0,) * len(shape)),
        dt=0.1,
        parameters=(Parameter(name="viscosity", low=0.1, high=1.0),),
    )


def size_of(problem: Problem) -> LatentSize:
    return LatentSize(tokens=problem.grid.num_points, width=problem.num_channels)


def built(operator: Operator, problem: Problem, seed: int = 0) -> nn.Module:
    """With weights that are drawn, the last ones too, so that it does something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: nn.Module = operator.build(problem, size_of(problem))
        with torch.no_grad():
            for parameter in module.parameters():
                if not parameter.any():
                    parameter.normal_(0, 0.1)
    return module.eval()


def smooth_fields(problem: Problem) -> Tensor:
    """Two fields of a few long waves, (2, N, 1)."""
    x = 2 * torch.pi * problem.grid.points()
    waves = torch.stack([x.sin().sum(-1), (2 * x + 1).cos().sum(-1) * x[:, 0].cos()])
    return waves[..., None]


@torch.no_grad()
def advanced(module: nn.Module, fields: Tensor, problem: Problem, dt: float = 1.0, parameter: float = 0.3) -> Tensor:
    latent = Latent(tokens=fields, positions=problem.grid.points(), grid=problem.grid.shape)
    count = len(fields)
    tokens: Tensor = module(latent, torch.full((count,), dt), torch.full((count, 1), parameter)).tokens
    return tokens
