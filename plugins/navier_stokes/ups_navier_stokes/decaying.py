"""The dataset `navier_stokes_decaying`: flows on the torus that start at random and decay."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from attrs import field, frozen, validators

from ups_framework.api import Data, Dataset, Extent, Problem
from ups_navier_stokes.ensemble import Ensemble
from ups_navier_stokes.equation import Equation
from ups_navier_stokes.library import Library

_REFINEMENT = 2
"""The solver's points for each point of the training grid, along an axis."""


@frozen(kw_only=True)
class NavierStokesDecaying(Dataset):
    """Decaying incompressible flow on the unit torus, w_t + u w_x + v w_y = ν ∇²w, as vorticity w or velocity (u, v).

    Flows start from a smooth Gaussian random field of rms speed 1, so that 1/ν is the Reynolds number and fluid
    crosses the torus in about one unit of time. Solved with twice the points of the training grid; the test
    trajectories keep them all, as truth for super-resolution. Made once; some 0.02 s a frame on one core at 64 points.

    With `file`, flows of others in place of these: what is periodic or a wall, forced or not, is then as the file says.
    """

    example: ClassVar[Mapping[str, object]] = {"points": 16, "frames": 6, "viscosity": 1e-2}

    fields: Literal["vorticity", "velocity"] = "vorticity"
    """What the simulator sees: w, or (u, v), which is made from w on the solver's grid and has no divergence there."""

    viscosity: float = field(default=1e-3, validator=validators.gt(0))
    """ν. Good values: 1e-2 (smooth) to 1e-3 (filaments); below that take more points."""

    points: int = field(default=64, validator=[validators.ge(16), validators.le(4096)])
    """Points of the training grid along each axis."""

    frames: int = field(default=21, validator=validators.ge(2))
    """Frames of each trajectory, the first at time 0."""

    dt: float = field(default=0.05, validator=validators.gt(0))
    """Time between two frames; fluid at rms speed moves `dt · points` points."""

    train: int = field(default=1000, validator=validators.ge(1))
    """Training trajectories."""

    validation: int = field(default=100, validator=validators.ge(1))
    """Validation trajectories."""

    test: int = field(default=100, validator=validators.ge(1))
    """Test trajectories."""

    seed: int = 0
    """Seed of the initial vorticity: not the run's seed, so that all runs see the same data."""

    file: tuple[str, ...] = ()
    """Published files to read instead, in PDEBench's layout of incompressible flow or in The Well's. `points` must
    divide theirs, `dt` be a multiple of theirs; `viscosity` is for files that do not say it, `seed` has no part."""

    def problem(self) -> Problem:
        """The flow on the torus, whose total vorticity or momentum is conserved (and 0); or that of the files."""
        return self._source().problem()

    def extent(self) -> Extent:
        """Test data on all points of the solver."""
        return self._source().extent()

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Read the splits below `folder / "navier_stokes"`, after making those that are not there; or the files."""
        return self._source().build(folder=folder, device=device, report=report)

    def _source(self) -> Ensemble | Library:
        if self.file:
            return Library(
                files=tuple(Path(os.path.expanduser(name)) for name in self.file),
                fields=self.fields,
                viscosity=self.viscosity,
                points=self.points,
                frames=self.frames,
                dt=self.dt,
                train=self.train,
                validation=self.validation,
                test=self.test,
            )
        return Ensemble(
            name="decaying",
            equation=Equation(viscosity=self.viscosity),
            fields=self.fields,
            start="unit_speed",
            spin_up=0.0,
            length=1.0,
            points=self.points,
            refinement=_REFINEMENT,
            frames=self.frames,
            dt=self.dt,
            train=self.train,
            validation=self.validation,
            test=self.test,
            seed=self.seed,
        )
