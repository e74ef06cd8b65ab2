"""What the three datasets have in common: flows on a square torus, made once and read from then on."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from attrs import frozen

from ups_framework.api import Data, Extent, Problem, Quantity, Trajectories
from ups_framework.data.pdebench import exclusive
from ups_navier_stokes.equation import Equation, field_of
from ups_navier_stokes.files import read
from ups_navier_stokes.generate import Flows, make, torus
from ups_navier_stokes.residual import residual_of
from ups_navier_stokes.solver import NAME
from ups_navier_stokes.symmetries import shifts

Fields = Literal["vorticity", "velocity"]


@frozen(kw_only=True)
class Ensemble:
    """All flows of a dataset. Fields that `Flows` has too mean the same."""

    name: str
    """Name of the dataset, without the equation's."""

    equation: Equation
    """What the flows are solutions of."""

    fields: Fields
    """What a simulator sees of them."""

    start: Literal["unit_speed", "fno"]
    """Law of the initial vorticity."""

    spin_up: float
    """Time before the first frame."""

    length: float
    """Length of both axes."""

    points: int
    """Points of the training grid along each axis."""

    refinement: int
    """The solver's points, which test flows keep, for each point of the training grid along an axis."""

    frames: int
    """Frames of each flow."""

    dt: float
    """Time between two frames."""

    train: int
    """Training flows."""

    validation: int
    """Validation flows."""

    test: int
    """Test flows."""

    seed: int
    """Seed of the initial vorticity."""

    def _dissipated(self) -> tuple[Quantity, ...]:
        """Kinetic energy of velocities, or enstrophy of vorticities, where no force feeds them."""
        if self.equation.forcing_cos or self.equation.forcing_sin:
            return ()
        return (Quantity(name="energy" if self.fields == "velocity" else "enstrophy", field=self.fields, power=2),)

    def problem(self) -> Problem:
        """The flow on the training grid. Integrals of vorticity, or of both components of velocity, stay."""
        name, field = field_of(self.fields)
        conserved = "momentum" if self.fields == "velocity" else "total_vorticity"
        return Problem(
            name=name,
            fields=(field,),
            grid=torus(self.points, self.length),
            dt=self.dt,
            parameters=self.equation.parameters(),
            conserved=(Quantity(name=conserved, field=self.fields),),
            dissipated=self._dissipated(),
            residual=residual_of(self.fields, list(self.equation.terms())),
        )

    def extent(self) -> Extent:
        """Test data on all points of the solver."""
        return Extent(frames=self.frames, refinement=self.refinement)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Read the splits below `folder / "navier_stokes"`, after making those that are not there."""
        splits = {"train": (self.train, self.refinement), "validation": (self.validation, self.refinement)}
        train, validation, test = (
            _trajectories(self._flows(split, count, refinement), folder / "navier_stokes", device, report)
            for split, (count, refinement) in {**splits, "test": (self.test, 1)}.items()
        )
        return Data(
            problem=self.problem(),
            train=train,
            validation=validation,
            test=test,
            symmetries=(shifts(self.equation),),
            protocol=self._protocol(),
        )

    def _flows(self, split: str, count: int, refinement: int) -> Flows:
        return Flows(
            name=self.name,
            split=split,
            count=count,
            seed=self.seed,
            fields=self.fields,
            equation=self.equation,
            start=self.start,
            spin_up=self.spin_up,
            frames=self.frames,
            dt=self.dt,
            length=self.length,
            points=self.points * self.refinement // refinement,
            refinement=refinement,
        )

    def _protocol(self) -> dict[str, str | int | float | bool]:
        """How the data was made and split."""
        return {
            "dataset": f"navier_stokes_{self.name}",
            "solver": NAME,
            "solver_points": self.points * self.refinement,
            "fields": self.fields,
            **self.equation.terms(),
            "spin_up": self.spin_up,
            "length": self.length,
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
    path = folder / flows.file_name
    if not path.exists():
        with exclusive(folder, report):
            if not path.exists():  # nobody made it while we waited
                make(flows, path, device, report)
    row = torch.tensor(list(flows.equation.terms().values()), dtype=torch.float64).float()
    return Trajectories(
        values=read(path, flows.layout).to(device),
        parameters=row.repeat(flows.count, 1).to(device),
        grid=flows.layout.grid,
        dt=flows.dt,
    )
