"""The dataset `heat`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from attrs import field, frozen, validators
from ups_framework.api import (
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
from ups_framework.data.kept import kept

from ups_heat.equation import NAME, domain, exact_solution, wave_vectors
from ups_heat.residual import residual
from ups_heat.starts import hot_spots, random_starts, random_waves

_VERSION = 1
"""Raise it with every change that changes the numbers: files that were made before are then left alone."""

_REFINEMENT = 4
"""Test points along each axis for each training point."""

_STARTS = {"random_waves": random_waves, "hot_spots": hot_spots}

_POSITIVE = validators.deep_iterable(validators.gt(0.0))


@frozen(kw_only=True)
class HeatDataset(Dataset):
    """u_t = κ ∇²u on the periodic unit interval or square: every start decays to its mean.

    Starts are Fourier series, whose waves decay each on its own: all frames are exact, and so is the truth on the four
    times finer grid of the test split. Made once; a second or so for an interval.
    """

    example: ClassVar[Mapping[str, object]] = {"points": 32, "frames": 6}

    dimensions: Literal[1, 2] = 1
    """1 for an interval, 2 for a square."""

    diffusivity: tuple[float, float] = field(default=(0.01, 0.01), validator=_POSITIVE)
    """Smallest and largest κ, in m²/s. If they differ, ln κ is uniform and the simulator is told each one."""

    starts: Literal["random_waves", "hot_spots"] = "random_waves"
    """Waves of either sign, or two spots on 0 K that spread and never become negative, for what is about signs."""

    waves: int = field(default=4, validator=validators.ge(1))
    """Most waves along an axis in a start."""

    points: int = field(default=64, validator=validators.ge(4))
    """Training points along each axis, more than twice `waves`. Good values: 64 in one dimension, 32 in two."""

    frames: int = field(default=21, validator=validators.ge(2))
    """Frames of each trajectory, the first at time 0."""

    dt: float = field(default=0.05, validator=validators.gt(0.0))
    """Time between two frames, in s."""

    train: int = field(default=256, validator=validators.ge(1))
    """Training trajectories."""

    validation: int = field(default=32, validator=validators.ge(1))
    """Validation trajectories."""

    test: int = field(default=32, validator=validators.ge(1))
    """Test trajectories."""

    seed: int = 0
    """Seed of the starts: not the run's seed, so that all runs see the same data."""

    def problem(self) -> Problem:
        """The equation on the training grid. SpecError if `points` or `diffusivity` make no sense."""
        low, high = self.diffusivity
        if low > high:
            raise SpecError("diffusivity", f"{low:g} is the smallest and {high:g} the largest: exchange them")
        if self.points <= 2 * self.waves:
            raise SpecError("points", f"{self.waves} waves need more than {2 * self.waves} points, not {self.points}")
        return Problem(
            name=NAME,
            fields=(Field(name="u", unit="K"),),
            grid=domain(self.dimensions, self.points),
            dt=self.dt,
            parameters=(Parameter(name="diffusivity", low=low, high=high, scale="log", unit="m²/s"),),
            conserved=(Quantity(name="mass", field="u", tolerance=1e-6),),
            residual=residual,
        )

    def extent(self) -> Extent:
        """All frames; test data on the finer grid."""
        return Extent(frames=self.frames, refinement=_REFINEMENT)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Read the splits below `folder / NAME`, after making those that are not there."""
        problem = self.problem()
        fine = domain(self.dimensions, self.points * _REFINEMENT)

        def split(name: str, count: int, grid: Grid) -> Trajectories:
            made = kept(
                folder=folder / NAME,
                name=name,
                made_from=self._made_from(count, grid),
                grid=grid,
                dt=self.dt,
                make=lambda: self._make(name, count, grid),
                report=report,
            )
            return made.to(device)

        return Data(
            problem=problem,
            train=split("train", self.train, problem.grid),
            validation=split("validation", self.validation, problem.grid),
            test=split("test", self.test, fine),
            protocol={"dataset": NAME, "solver": "exact", **self._made_from(self.train, problem.grid)},
        )

    def _make(self, split: str, count: int, grid: Grid) -> Trajectories:
        """The exact solutions of one split."""
        waves = wave_vectors(self.dimensions, self.waves)
        amplitudes = _STARTS[self.starts]
        starts = random_starts(amplitudes, waves, self.diffusivity, split=split, count=count, seed=self.seed)
        times = self.dt * torch.arange(self.frames, dtype=torch.float64)
        values = exact_solution(starts.amplitudes, waves, starts.diffusivity, times, grid)
        return Trajectories(
            values=values.float(),
            parameters=starts.diffusivity.float()[:, None],
            grid=grid,
            dt=self.dt,
        )

    def _made_from(self, count: int, grid: Grid) -> dict[str, str | int | float | bool]:
        """All that decides the numbers of a split, but for its name."""
        return {
            "version": _VERSION,
            "dimensions": self.dimensions,
            "diffusivity_low": self.diffusivity[0],
            "diffusivity_high": self.diffusivity[1],
            "starts": self.starts,
            "waves": self.waves,
            "points": grid.shape[0],
            "frames": self.frames,
            "dt": self.dt,
            "trajectories": count,
            "seed": self.seed,
        }
