"""Two tiny problems with exact solutions: a positive tracer on a circle, and eddies on a torus or in a box."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Axis, Data, Dataset, Extent, Field, Grid, Problem, Quantity, Trajectories
from ups_framework.numerics.random import generator
from ups_framework.numerics.spectral import Spectral

DT, FRAMES = 0.05, 6
SPEED = 1.0


@frozen(kw_only=True)
class Tracer(Dataset):
    """u_t + u_x = ν u_xx on a circle, from narrow peaks of 1 on nothing: never negative, its energy only falls."""

    train: int = 16
    """Training trajectories."""

    validation: int = 8
    """Validation trajectories."""

    test: int = 2
    """Test trajectories."""

    diffusivity: float = 0.005
    """ν."""

    def problem(self) -> Problem:
        return Problem(
            name="tracer",
            fields=(Field(name="u"),),
            grid=Grid(axes=(Axis(name="x"),), shape=(32,), offset=(0.5,)),
            dt=DT,
            conserved=(Quantity(name="mass", field="u"),),
            dissipated=(Quantity(name="energy", field="u", power=2),),
            residual=partial(residual, self.diffusivity),
        )

    def extent(self) -> Extent:
        return Extent(frames=FRAMES, refinement=1)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        train, validation, test = (self._make(name) for name in ("train", "validation", "test"))
        return Data(problem=self.problem(), train=train, validation=validation, test=test)

    def _make(self, split: str) -> Trajectories:
        grid = self.problem().grid
        draw = generator(0, "tracer", split)
        place, width = torch.rand(getattr(self, split), 2, generator=draw, dtype=torch.float64).unbind(1)
        away = (grid.coordinates(0) - place[:, None] + 0.5) % 1 - 0.5
        start = (-((away / (0.06 + 0.06 * width[:, None])) ** 2)).exp()
        frames = torch.stack([advanced(start, grid, frame * DT, self.diffusivity) for frame in range(FRAMES)], dim=1)
        return _trajectories(frames[..., None], grid)


@frozen(kw_only=True)
class Eddies(Dataset):
    """Curls of smooth stream functions that a mean flow carries while they decay: no divergence, ever less energy.

    In a box the problem has walls, which the data ignore: it is there to be refused.
    """

    train: int = 16
    """Training trajectories."""

    validation: int = 8
    """Validation trajectories."""

    test: int = 2
    """Test trajectories."""

    box: bool = False
    """Walls along y."""

    def problem(self) -> Problem:
        axes = (Axis(name="x"), Axis(name="y", boundary="dirichlet" if self.box else "periodic"))
        return Problem(
            name="eddies",
            fields=(Field(name="velocity", components=2), Field(name="density")),
            grid=Grid(axes=axes, shape=(8, 8), offset=(0.5, 0.5)),
            dt=DT,
            conserved=() if self.box else (Quantity(name="square", field="density", power=2, tolerance=0.1),),
            dissipated=() if self.box else (Quantity(name="energy", field="velocity", power=2),),
        )

    def extent(self) -> Extent:
        return Extent(frames=FRAMES, refinement=1)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        train, validation, test = (self._make(name) for name in ("train", "validation", "test"))
        return Data(problem=self.problem(), train=train, validation=validation, test=test)

    def _make(self, split: str) -> Trajectories:
        """ψ = Σ_k a_k sin(2π k·(x − ct) + φ_k) exp(−0.0005 |2πk|² t); u = ∂ψ/∂y, v = −∂ψ/∂x, and the density 1 + ψ."""
        grid, draw, count = self.problem().grid, generator(0, "eddies", split), getattr(self, split)
        waves = torch.tensor([[1, 0], [0, 1], [1, 1], [2, -1]], dtype=torch.float64)
        amplitude, phase = torch.randn(2, count, 1, 1, 4, generator=draw, dtype=torch.float64)
        time = DT * torch.arange(FRAMES, dtype=torch.float64)[None, :, None, None]
        place = (grid.points().double() - SPEED * time.reshape(FRAMES, 1, 1)) @ waves.T
        decay = torch.exp(-0.0005 * 4 * math.pi**2 * waves.square().sum(1) * time)
        size, angle = 0.1 * amplitude * decay, 2 * math.pi * place + phase
        slope = 2 * math.pi * size * angle.cos()
        parts = ((slope * waves[:, 1]).sum(-1), -(slope * waves[:, 0]).sum(-1), 1 + (size * angle.sin()).sum(-1))
        return _trajectories(torch.stack(parts, dim=-1), grid)


def advanced(values: Float[Tensor, "... N"], grid: Grid, time: float, diffusivity: float) -> Float[Tensor, "... N"]:
    """The tracer a time later, exactly."""
    spectral = Spectral(grid, values.device)
    rate = -SPEED * spectral.derivative(0) + diffusivity * spectral.laplacian()
    u_hat = spectral.forward(values)
    return spectral.inverse((rate * time).exp().to(u_hat.dtype) * u_hat)


def residual(
    diffusivity: float, frames: Float[Tensor, "B T N 1"], grid: Grid, dt: float, parameters: Float[Tensor, "B P"]
) -> Float[Tensor, "B T-1 N 1"]:
    """What each frame differs by from the one before, advanced exactly."""
    return frames[:, 1:] - advanced(frames[:, :-1, :, 0], grid, dt, diffusivity)[..., None]


def _trajectories(values: Tensor, grid: Grid) -> Trajectories:
    return Trajectories(values=values.float(), parameters=torch.zeros(len(values), 0), grid=grid, dt=DT)
