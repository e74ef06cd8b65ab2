"""Two tiny problems with exact solutions, and losses that misbehave."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from attrs import field, frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import (
    Axis,
    Data,
    Dataset,
    Extent,
    Field,
    Grid,
    LossTerm,
    Parameter,
    Problem,
    Quantity,
    Step,
    Term,
    Trajectories,
)
from ups_framework.numerics.random import generator


@frozen(kw_only=True)
class Advection(Dataset):
    """u_t + c u_x = 0 on a periodic line: u(x, t) = f(x − c t) with f a constant and three sines."""

    train: int = 16
    """Training trajectories."""

    validation: int = 4
    """Validation trajectories."""

    test: int = 4
    """Test trajectories."""

    frames: int = 8
    """Frames of the validation and test trajectories."""

    train_frames: int = 8
    """Frames of the training trajectories."""

    leak: float = 0.0
    """Mass that the data lose per unit time, as records of a sensor that drifts do; the equation loses none."""

    def problem(self) -> Problem:
        return Problem(
            name="advection",
            fields=(Field(name="u"),),
            grid=_fine_grid("periodic").subsample(2),
            dt=0.05,
            parameters=(Parameter(name="speed", low=0.5, high=1.5),),
            conserved=(Quantity(name="mass", field="u"),),
        )

    def extent(self) -> Extent:
        return Extent(frames=min(self.frames, self.train_frames), refinement=2)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        fine = {name: self._make(name, getattr(self, name)) for name in ("train", "validation", "test")}
        return Data(
            problem=self.problem(),
            train=fine["train"].subsample(2),
            validation=fine["validation"].subsample(2),
            test=fine["test"],
            symmetries=(_shift,),
            protocol={"exact": True},
        )

    def _make(self, split: str, count: int) -> Trajectories:
        draw, grid = generator(0, "advection", split), _fine_grid("periodic")
        speed = 0.5 + torch.rand(count, 1, 1, 1, generator=draw, dtype=torch.float64)
        phase = torch.rand(count, 1, 1, 3, generator=draw, dtype=torch.float64)
        amplitude = torch.randn(count, 1, 1, 3, generator=draw, dtype=torch.float64) / torch.tensor([1.0, 2.0, 3.0])
        constant = 0.5 * torch.randn(count, 1, 1, 1, generator=draw, dtype=torch.float64)
        frames = self.train_frames if split == "train" else self.frames
        time = 0.05 * torch.arange(frames, dtype=torch.float64)[None, :, None, None]
        x = grid.coordinates(0)[None, None, :, None]
        angle = torch.tensor([1.0, 2.0, 3.0]) * (x - speed * time) + phase
        values = constant - self.leak * time + (amplitude * torch.sin(2 * math.pi * angle)).sum(-1, keepdim=True)
        return Trajectories(values=values.float(), parameters=speed[:, :, 0, 0].float(), grid=grid, dt=0.05)


@frozen(kw_only=True)
class Heat(Dataset):
    """u_t = ν u_xx between cold walls: u(x, t) = Σ_k a_k sin(kπx) exp(−ν k²π² t), ν = 0.1."""

    train: int = 16
    """Training trajectories."""

    validation: int = 4
    """Validation trajectories."""

    test: int = 4
    """Test trajectories."""

    def problem(self) -> Problem:
        grid = _fine_grid("dirichlet").subsample(2)
        return Problem(name="heat", fields=(Field(name="u", unit="K"),), grid=grid, dt=0.05)

    def extent(self) -> Extent:
        return Extent(frames=8, refinement=2)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        fine = {name: self._make(name, getattr(self, name)) for name in ("train", "validation", "test")}
        return Data(
            problem=self.problem(),
            train=fine["train"].subsample(2),
            validation=fine["validation"].subsample(2),
            test=fine["test"],
        )

    def _make(self, split: str, count: int) -> Trajectories:
        grid, modes = _fine_grid("dirichlet"), math.pi * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        amplitude = torch.randn(count, 1, 1, 3, generator=generator(0, "heat", split), dtype=torch.float64)
        time = 0.05 * torch.arange(8, dtype=torch.float64)[None, :, None, None]
        waves = torch.sin(modes * grid.coordinates(0)[None, None, :, None])
        values = (amplitude * waves * torch.exp(-0.1 * modes**2 * time)).sum(-1, keepdim=True)
        return Trajectories(values=values.float(), parameters=torch.zeros(count, 0), grid=grid, dt=0.05)


def _fine_grid(boundary: str) -> Grid:
    """64 cell centres of the unit interval; every second one is a grid of 32 with the offset 0.25."""
    axis = Axis(name="x", boundary=boundary)  # type: ignore[arg-type]  # one of the three
    return Grid(axes=(axis,), shape=(64,), offset=(0.5,))


def _shift(values: Float[Tensor, "B T N C"], grid: Grid, dt: float, draw: torch.Generator) -> Float[Tensor, "B T N C"]:
    """Every window moved round the circle by whole grid points."""
    by = torch.randint(grid.num_points, (len(values),), generator=draw)
    return torch.stack([window.roll(int(places), dims=1) for window, places in zip(values, by, strict=True)])


def _no_validator_fault(instance: object, attribute: object, value: str) -> None:
    if value == "validator":
        raise ZeroDivisionError("nothing to divide by")


@frozen(kw_only=True)
class Detached(LossTerm):
    """Mean square of the predicted field, of which it tells autograd nothing."""

    def build(self, problem: Problem) -> Term:
        return lambda step: step.prediction.detach().square().mean()


@frozen(kw_only=True)
class Unreduced(LossTerm):
    """Mean square of the predicted field, sample by sample: one mean too few."""

    def build(self, problem: Problem) -> Term:
        return lambda step: step.prediction.square().mean((1, 2, 3))


@frozen(kw_only=True)
class Faulty(LossTerm):
    """Mean square of the predicted field, with a fault."""

    fault: Literal["validator", "build", "nothing", "call"] = field(default="call", validator=_no_validator_fault)
    """Where it is."""

    def build(self, problem: Problem) -> Term:
        if self.fault == "build":
            raise KeyError(problem.name)
        if self.fault == "nothing":
            return None  # type: ignore[return-value]  # the fault that is planted
        return _raise


def _raise(step: Step) -> Tensor:
    raise IndexError("no such frame")


@frozen(kw_only=True)
class Breaks(LossTerm):
    """Mean square of the predicted field; at one of its calls NaN, or a value whose gradient is NaN."""

    call: int
    """The call that breaks, from 1."""

    gradient: bool = False
    """Break the gradient only."""

    def build(self, problem: Problem) -> Term:
        calls = 0

        def term(step: Step) -> Tensor:
            nonlocal calls
            calls += 1
            value = step.prediction.square().mean()
            if calls != self.call:
                return value
            return value + (value - value.detach()).sqrt() if self.gradient else value * float("nan")

        return term
