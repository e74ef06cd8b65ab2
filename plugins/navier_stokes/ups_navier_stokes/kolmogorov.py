"""The dataset `navier_stokes_kolmogorov`: turbulence that a steady shear force keeps up."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from attrs import field, frozen, validators

from ups_framework.api import Data, Dataset, Extent, Problem
from ups_navier_stokes.ensemble import Ensemble
from ups_navier_stokes.equation import Equation

_REFINEMENT = 2
"""The solver's points for each point of the training grid, along an axis."""


@frozen(kw_only=True)
class NavierStokesKolmogorov(Dataset):
    """Kolmogorov flow on the torus (0, 2π)², as vorticity w or velocity (u, v), after a spin-up: statistically steady.

        u_t + (u · ∇) u = −∇p + ν ∇²u − μ u + (A sin ky, 0),    w_t + u w_x + v w_y = ν ∇²w − μ w − A k cos ky

    Its steady laminar flow, u = A/(νk² + μ) sin ky, is unstable at these defaults: eddies of size 2π that merge, break
    and lean on the shear. Flows start from a random field of rms speed 1 and are solved for `spin_up` before the first
    frame. Solved with twice the points of the training grid, which the test trajectories keep. Made once.
    """

    example: ClassVar[Mapping[str, object]] = {"points": 16, "frames": 6, "dt": 0.1, "spin_up": 2.0, "viscosity": 2e-2}

    fields: Literal["vorticity", "velocity"] = "vorticity"
    """What the simulator sees: w, or (u, v), which is made from w on the solver's grid and has no divergence there."""

    viscosity: float = field(default=1e-2, validator=validators.gt(0))
    """ν. Good values: 2e-2 (few eddies) to 1e-3 (take 128 points or more)."""

    drag: float = field(default=0.1, validator=validators.ge(0))
    """μ, linear drag, which takes the energy of the largest eddies; 0 for none: then spin up for longer."""

    forcing: float = field(default=1.0, validator=validators.gt(0))
    """A, amplitude of the force along x."""

    wavenumber: int = field(default=4, validator=validators.ge(1))
    """k, how often the force changes its sign both ways along y."""

    spin_up: float = field(default=50.0, validator=validators.ge(0))
    """Time before the first frame, in which the start is forgotten: some 5/μ."""

    points: int = field(default=64, validator=[validators.ge(16), validators.le(4096)])
    """Points of the training grid along each axis."""

    frames: int = field(default=21, validator=validators.ge(2))
    """Frames of each trajectory, the first after the spin-up."""

    dt: float = field(default=0.2, validator=validators.gt(0))
    """Time between two frames."""

    train: int = field(default=1000, validator=validators.ge(1))
    """Training trajectories."""

    validation: int = field(default=100, validator=validators.ge(1))
    """Validation trajectories."""

    test: int = field(default=100, validator=validators.ge(1))
    """Test trajectories."""

    seed: int = 0
    """Seed of the initial vorticity: not the run's seed, so that all runs see the same data."""

    def problem(self) -> Problem:
        """The flow on the torus, whose total vorticity or momentum is conserved (and 0)."""
        return self._ensemble().problem()

    def extent(self) -> Extent:
        """Test data on all points of the solver."""
        return self._ensemble().extent()

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Read the splits below `folder / "navier_stokes"`, after making those that are not there."""
        return self._ensemble().build(folder=folder, device=device, report=report)

    def _ensemble(self) -> Ensemble:
        k = self.wavenumber
        equation = Equation(viscosity=self.viscosity, drag=self.drag, forcing_cos=-self.forcing * k, forcing_y=float(k))
        return Ensemble(
            name="kolmogorov",
            equation=equation,
            fields=self.fields,
            start="unit_speed",
            spin_up=self.spin_up,
            length=2 * math.pi,
            points=self.points,
            refinement=_REFINEMENT,
            frames=self.frames,
            dt=self.dt,
            train=self.train,
            validation=self.validation,
            test=self.test,
            seed=self.seed,
        )
