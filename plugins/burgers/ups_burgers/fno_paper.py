"""The dataset `fno_burgers`: the Burgers problem of the FNO paper, from the start to time 1 in one step."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor

from ups_burgers.equation import NAME
from ups_burgers.spectral import FourierETDRK4
from ups_burgers.symmetries import reflect, shift
from ups_burgers.workers import in_parallel
from ups_framework.api import (
    Axis,
    Data,
    Dataset,
    Extent,
    Field,
    Grid,
    Parameter,
    Problem,
    Quantity,
    SpecError,
    Trajectories,
)
from ups_framework.numerics.random import generator

_POINTS = 1024
"""The grid that is solved on; the published data was made on 8192 points, whose further waves are gone after 1e-5."""

_DURATION = 1.0
_VISCOSITY = 0.1 * math.pi
"""The paper's equation has ν u_xx with ν = 0.1, ours (ν/π) u_xx."""

_SIGMA, _TAU, _GAMMA = 49.0, 7.0, 2.5
"""Of u₀ ~ N(0, σ² (−Δ + τ²)^−γ) without mean."""

_BATCH = 64
_LARGEST_STEP = 4e-3

_MANY = validators.ge(1)


@frozen(kw_only=True)
class FnoBurgers(Dataset):
    """u_t + (u²/2)_x = 0.1 u_xx on (0, 1), periodic, from u(x, 0) to u(x, 1): the FNO paper's operator to be learnt.

    Starts are Σ_{k≥1} √2 σ ((2πk)² + τ²)^(−γ/2) (a_k cos 2πkx + b_k sin 2πkx) with a, b ~ N(0, 1), σ = 49, τ = 7 and
    γ = 2.5: draws of N(0, σ² (−Δ + τ²)^−γ) without mean. That is what the authors' generator has; the paper prints
    N(0, 625 (−Δ + 25)⁻²). Two frames a trajectory, 1 apart, too far for differences in time: there is no residual. Made
    in float64 by Fourier modes on 1024 points, in about half a minute; not kept. The random numbers are our own.

    Z. Li et al., Fourier neural operator for parametric partial differential equations, ICLR 2021, section 5.1.
    """

    example: ClassVar[Mapping[str, object]] = {"train": 2, "validation": 2, "test": 2, "points": 128}

    train: int = field(default=1000, validator=_MANY)
    """Training trajectories; 1000 in the paper."""

    validation: int = field(default=100, validator=_MANY)
    """Validation trajectories; the paper has none, and takes the last weights."""

    test: int = field(default=200, validator=_MANY)
    """Test trajectories; 200 in the paper."""

    points: int = field(default=1024, validator=_MANY)
    """Points of the training grid, every so-many-th of 1024. Test data has all."""

    seed: int = 0
    """Seed of the starts: not the run's seed, so that all runs see the same data."""

    def problem(self) -> Problem:
        """Burgers' equation, the first point at 0. SpecError if `points` does not divide 1024."""
        if _POINTS % self.points:
            raise SpecError("points", f"{self.points} does not divide the {_POINTS} points of the data")
        return Problem(
            name=NAME,
            fields=(Field(name="u"),),
            grid=_grid(self.points),
            dt=_DURATION,
            parameters=(Parameter(name="viscosity", low=_VISCOSITY, high=_VISCOSITY, scale="log"),),
            conserved=(Quantity(name="mass", field="u"),),
            dissipated=(Quantity(name="energy", field="u", power=2),),
        )

    def extent(self) -> Extent:
        """The start and the end; test data on 1024 points."""
        return Extent(frames=2, refinement=_POINTS // self.points)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Solve for all splits; nothing is written to `folder`."""
        problem, every = self.problem(), _POINTS // self.points
        counts = {"test": (self.test, 1), "validation": (self.validation, every), "train": (self.train, every)}
        splits = {name: self._split(name, count, step, device) for name, (count, step) in counts.items()}
        return Data(problem=problem, **splits, symmetries=(shift, reflect), protocol=self._protocol())

    def _split(self, name: str, count: int, every: int, device: torch.device) -> Trajectories:
        starts = torch.stack([random_start(_grid(_POINTS), self.seed, name, number) for number in range(count)])
        values = solve(starts, _VISCOSITY, device)[:, :, ::every]
        return Trajectories(
            values=values.unsqueeze(-1).float(),
            parameters=torch.full((count, 1), _VISCOSITY, device=device),
            grid=_grid(_POINTS // every),
            dt=_DURATION,
        )

    def _protocol(self) -> dict[str, str | int | float | bool]:
        return {
            "name": "fno-burgers",
            "equation": "u_t + (u^2/2)_x = 0.1 u_xx",
            "points": self.points,
            "frames": 2,
            "dt": _DURATION,
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "seed": self.seed,
            "source": "generated",
            "solver": f"Fourier, two-thirds rule, ETDRK4, dt {_LARGEST_STEP}, {_POINTS} points",
        }


def random_start(grid: Grid, seed: int, split: str, number: int) -> Float[Tensor, " N"]:
    """One start; number n of a split is the same however many there are, and one function at every resolution."""
    draw = torch.randn(2, _POINTS // 2, generator=generator(seed, "fno_burgers", split, number), dtype=torch.float64)
    k = torch.arange(_POINTS // 2, dtype=torch.float64)
    amplitude = math.sqrt(2) * _SIGMA * ((2 * math.pi * k) ** 2 + _TAU**2) ** (-_GAMMA / 2)
    (points,) = grid.shape
    spectrum = torch.zeros(points // 2 + 1, dtype=torch.complex128)
    held = min(len(k), points // 2)
    spectrum[:held] = (amplitude * torch.complex(draw[0], -draw[1]) / 2)[:held]
    spectrum[0] = 0
    u: Tensor = torch.fft.irfft(spectrum, n=points, norm="forward")
    return u


def solve(start: Float[Tensor, "B N"], viscosity: float, device: torch.device) -> Float[Tensor, "B 2 N"]:
    """Starts beside solutions at time 1, on all cores or on the GPU."""
    solver = FourierETDRK4(_grid(start.shape[1]), viscosity, device, largest_step=_LARGEST_STEP)
    found = torch.empty(len(start), 2, start.shape[1], dtype=torch.float64, device=device)
    found[:, 0] = start.to(device)

    def advance(rows: slice) -> Tensor:
        return solver.advance(found[rows, 0], _DURATION)

    for rows, values in in_parallel(advance, [slice(at, at + _BATCH) for at in range(0, len(start), _BATCH)], device):
        found[rows, 1] = values
    return found


def _grid(points: int) -> Grid:
    return Grid(axes=(Axis(name="x"),), shape=(points,), offset=(0.0,))
