"""The dataset `navier_stokes_forced`: the flows of the paper on Fourier neural operators."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from attrs import field, frozen, validators

from ups_framework.api import Data, Dataset, Extent, Problem
from ups_navier_stokes.ensemble import Ensemble
from ups_navier_stokes.equation import Equation


@frozen(kw_only=True)
class NavierStokesForced(Dataset):
    """Forced flow on the unit torus, w_t + u w_x + v w_y = ν ∇²w + 0.1 (sin 2π(x + y) + cos 2π(x + y)).

    Starts are draws of N(0, 7^3 (−∇² + 49)^−2.5), see `initial.py`; the first frame is at time `dt`, as in the paper's
    files, whose frames are at times 1, 2, … The protocol there, `[evaluation] context = 10`: frames up to time 10 are
    given, those from 11 on are predicted. Solved by ETDRK4 in place of the paper's Crank–Nicolson with Euler's method,
    on 256 points along each axis with the defaults; the test trajectories keep them all. Made once.

    Li et al., Fourier neural operator for parametric partial differential equations, ICLR 2021, section 5.3.
    """

    example: ClassVar[Mapping[str, object]] = {"points": 16, "refinement": 2, "frames": 5, "dt": 0.5}

    fields: Literal["vorticity", "velocity"] = "vorticity"
    """What the simulator sees: w, or (u, v), which is made from w on the solver's grid and has no divergence there."""

    viscosity: float = field(default=1e-3, validator=validators.gt(0))
    """ν. The paper's: 1e-3, 1e-4 and 1e-5."""

    points: int = field(default=64, validator=[validators.ge(16), validators.le(4096)])
    """Points of the training grid along each axis."""

    refinement: int = field(default=4, validator=[validators.ge(1), validators.le(16)])
    """The solver's points for each of them along an axis: 256 at 1e-5, and half of them will do at 1e-3."""

    frames: int = field(default=50, validator=validators.ge(2))
    """Frames of each trajectory. The paper's: 50 at 1e-3, 30 at 1e-4 and 20 at 1e-5."""

    dt: float = field(default=1.0, validator=validators.gt(0))
    """Time between two frames, and that of the first one."""

    train: int = field(default=1000, validator=validators.ge(1))
    """Training trajectories."""

    validation: int = field(default=100, validator=validators.ge(1))
    """Validation trajectories."""

    test: int = field(default=200, validator=validators.ge(1))
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
        equation = Equation(viscosity=self.viscosity, forcing_cos=0.1, forcing_sin=0.1, forcing_x=1.0, forcing_y=1.0)
        return Ensemble(
            name="forced",
            equation=equation,
            fields=self.fields,
            start="fno",
            spin_up=self.dt,
            length=1.0,
            points=self.points,
            refinement=self.refinement,
            frames=self.frames,
            dt=self.dt,
            train=self.train,
            validation=self.validation,
            test=self.test,
            seed=self.seed,
        )
