"""The dataset `apebench_burgers`: the scenario `diff_burgers` of APEBench in one dimension, made when it is needed."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor

from ups_burgers.equation import NAME
from ups_burgers.etdrk2 import FourierETDRK2
from ups_burgers.residual import residual
from ups_burgers.symmetries import reflect, shift
from ups_framework.api import Axis, Data, Dataset, Extent, Field, Grid, Parameter, Problem, Quantity, Trajectories
from ups_framework.numerics.random import generator

_POINTS = 160
_DIFFUSION, _CONVECTION = 1.5, 1.5
"""γ₂ and −δ₁: how much of a grid spacing squared diffuses, and how many spacings the largest u moves, in a step."""

_DT = _CONVECTION / _POINTS
"""9.375e-3 on (0, 1) for a largest u of 1."""

_VISCOSITY = math.pi * _DIFFUSION / (2 * _POINTS * _CONVECTION)
"""π · 3.125e-3: the equation has ν/π, and γ₂ = 2 N² dt ν/π."""

_WAVES = 5
_TRAIN_FRAMES, _TEST_FRAMES = 51, 201

_MANY = validators.ge(1)


@frozen(kw_only=True)
class ApebenchBurgers(Dataset):
    """u_t + (u²/2)_x = (ν/π) u_xx on (0, 1), periodic, ν/π = 3.125e-3, dt = 9.375e-3 on 160 points: APEBench's Burgers.

    Starts are Σ_{k=1..5} A_k cos(2π k x + φ_k) with A_k ~ U(−1, 1) and φ_k ~ U(0, 2π), scaled to max |u| = 1 on the
    points: zero mean, APEBench's `fourier;5;true;true`. Frames are those of its solver (`etdrk2.py`: one step of second
    order a frame, exponax 0.1.0's two-thirds rule), which is what a network is asked to learn. Against the equation
    itself they are off by a geometric mean nRMSE over 100 frames of 1.9e-3: no method that solves the equation gets
    below. Training and validation trajectories have 51 frames, test ones 201. Made in a second, in float64; not kept.

    Its random numbers are our own: same law, other trajectories than in the published set.
    F. Koehler et al., APEBench: a benchmark for autoregressive neural emulators of PDEs, NeurIPS 2024.
    """

    train: int = field(default=50, validator=_MANY)
    """Training trajectories; 50 in APEBench."""

    validation: int = field(default=10, validator=_MANY)
    """Validation trajectories; APEBench has none, and takes the last weights."""

    test: int = field(default=30, validator=_MANY)
    """Test trajectories; 30 in APEBench."""

    seed: int = 0
    """Seed of the starts: not the run's seed, so that all runs see the same data."""

    def problem(self) -> Problem:
        """Burgers' equation on 160 points, the first at 0."""
        return Problem(
            name=NAME,
            fields=(Field(name="u"),),
            grid=Grid(axes=(Axis(name="x"),), shape=(_POINTS,), offset=(0.0,)),
            dt=_DT,
            parameters=(Parameter(name="viscosity", low=_VISCOSITY, high=_VISCOSITY, scale="log"),),
            conserved=(Quantity(name="mass", field="u"),),
            dissipated=(Quantity(name="energy", field="u", power=2),),
            residual=residual,
        )

    def extent(self) -> Extent:
        """51 frames, 201 of test trajectories, all on the training grid: the solver's frames depend on it."""
        return Extent(frames=_TRAIN_FRAMES, test_frames=_TEST_FRAMES, refinement=1)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Solve for all splits; nothing is written to `folder`."""
        problem = self.problem()
        return Data(
            problem=problem,
            train=self._split("train", self.train, _TRAIN_FRAMES, problem).to(device),
            validation=self._split("validation", self.validation, _TRAIN_FRAMES, problem).to(device),
            test=self._split("test", self.test, _TEST_FRAMES, problem).to(device),
            symmetries=(shift, reflect),
            protocol=self._protocol(),
        )

    def _split(self, name: str, count: int, frames: int, problem: Problem) -> Trajectories:
        starts = torch.stack([random_start(problem.grid, self.seed, name, number) for number in range(count)])
        values = FourierETDRK2(problem.grid, _VISCOSITY, problem.dt).trajectory(starts, frames)
        return Trajectories(
            values=values.unsqueeze(-1).float(),
            parameters=torch.full((count, 1), _VISCOSITY),
            grid=problem.grid,
            dt=problem.dt,
        )

    def _protocol(self) -> dict[str, str | int | float | bool]:
        return {
            "name": "apebench-diff_burgers-1d",
            "equation": "u_t + (u^2/2)_x = (viscosity/pi) u_xx",
            "viscosity": round(_VISCOSITY, 9),
            "points": _POINTS,
            "frames": _TRAIN_FRAMES,
            "test_frames": _TEST_FRAMES,
            "dt": _DT,
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "seed": self.seed,
            "source": "generated",
            "solver": FourierETDRK2.name,
        }


def random_start(grid: Grid, seed: int, split: str, number: int) -> Float[Tensor, " N"]:
    """One start; number n of a split is the same however many there are."""
    draw = generator(seed, "apebench_burgers", split, number)
    uniform, angle = torch.rand(2, _WAVES, generator=draw, dtype=torch.float64)
    waves = 2 * math.pi * torch.arange(1, _WAVES + 1)[:, None] * grid.coordinates(0)
    u = ((2 * uniform - 1)[:, None] * (waves + 2 * math.pi * angle[:, None]).cos()).sum(0)
    scaled: Tensor = u / u.abs().max()
    return scaled
