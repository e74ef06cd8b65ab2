"""The dataset `navier_stokes_decaying`: flows on the torus that start at random and decay."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import torch
from attrs import field, frozen, validators

from ups_framework.api import Data, Dataset, Extent, Field, Parameter, Problem, Quantity, Trajectories
from ups_framework.data.pdebench import exclusive
from ups_navier_stokes.files import read
from ups_navier_stokes.generate import Flows, make, torus
from ups_navier_stokes.solver import NAME
from ups_navier_stokes.symmetries import shift

_REFINEMENT = 2
"""The solver's points for each point of the training grid, along an axis."""


@frozen(kw_only=True)
class NavierStokesDecaying(Dataset):
    """Vorticity w of decaying incompressible flow on the unit torus, w_t + u w_x + v w_y = ν ∇²w.

    Flows start from a smooth Gaussian random field of rms speed 1, so that 1/ν is the Reynolds number and fluid
    crosses the torus in about one unit of time. Solved with twice the points of the training grid; the test
    trajectories keep them all, as truth for super-resolution. Made once; some 0.02 s a frame on one core at 64 points.
    """

    example: ClassVar[Mapping[str, object]] = {"points": 32, "frames": 6, "viscosity": 4e-3}

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

    def problem(self) -> Problem:
        """Vorticity on the torus, whose integral is conserved (and 0)."""
        return Problem(
            name="navier_stokes_vorticity",
            fields=(Field(name="vorticity"),),
            grid=torus(self.points),
            dt=self.dt,
            parameters=(Parameter(name="viscosity", low=self.viscosity, high=self.viscosity, scale="log"),),
            conserved=(Quantity(name="total_vorticity", field="vorticity"),),
        )

    def extent(self) -> Extent:
        """Test data on all points of the solver."""
        return Extent(frames=self.frames, refinement=_REFINEMENT)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Read the splits below `folder / "navier_stokes"`, after making those that are not there."""
        train, validation, test = (
            _trajectories(flows, folder / "navier_stokes", device, report) for flows in self._splits()
        )
        return Data(
            problem=self.problem(),
            train=train,
            validation=validation,
            test=test,
            symmetries=(shift,),
            protocol=self._protocol(),
        )

    def _splits(self) -> tuple[Flows, Flows, Flows]:
        """The flows to train on, to validate with and to test with."""

        def flows(split: str, count: int, refinement: int) -> Flows:
            return Flows(
                split=split,
                count=count,
                seed=self.seed,
                viscosity=self.viscosity,
                frames=self.frames,
                dt=self.dt,
                points=self.points * _REFINEMENT // refinement,
                refinement=refinement,
            )

        return (
            flows("train", self.train, _REFINEMENT),
            flows("validation", self.validation, _REFINEMENT),
            flows("test", self.test, 1),
        )

    def _protocol(self) -> dict[str, str | int | float | bool]:
        """How the data was made and split."""
        return {
            "dataset": "navier_stokes_decaying",
            "solver": NAME,
            "solver_points": self.points * _REFINEMENT,
            "viscosity": self.viscosity,
            "points": self.points,
            "frames": self.frames,
            "dt": self.dt,
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "data_seed": self.seed,
        }


def _trajectories(flows: Flows, folder: Path, device: torch.device, report: Callable[[str], None]) -> Trajectories:
    """One split on a device."""
    path = folder / f"decaying_{flows.split}_{flows.digest}.h5"
    if not path.exists():
        with exclusive(folder, report):
            if not path.exists():  # nobody made it while we waited
                make(flows, path, device, report)
    return Trajectories(
        values=read(path, flows.layout).to(device),
        parameters=torch.full((flows.count, 1), flows.viscosity, device=device),
        grid=flows.layout.grid,
        dt=flows.dt,
    )
