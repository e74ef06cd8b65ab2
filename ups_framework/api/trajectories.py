"""Data as tensors: trajectories on a grid, and the splits of a dataset."""

from collections.abc import Callable, Mapping

import attrs
import torch
from attrs import field, frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api.problem import Grid, Problem


@frozen(kw_only=True, eq=False)
class Trajectories:
    """Solutions in physical units at equal time steps on one grid."""

    values: Float[Tensor, "B T N C"]
    """The fields, float32."""

    parameters: Float[Tensor, "B P"]
    """Parameters of the PDE of each trajectory."""

    grid: Grid
    """Where the N points are."""

    dt: float
    """Time between two frames."""

    def __len__(self) -> int:
        return len(self.values)

    def subsample(self, every: int) -> "Trajectories":
        """The same trajectories on every `every`-th point along each axis."""
        values = self.grid.unflatten(self.values)
        for axis in range(len(self.grid.shape)):
            keep = torch.arange(0, self.grid.shape[axis], every, device=values.device)
            values = values.index_select(2 + axis, keep)
        return attrs.evolve(self, values=values.flatten(2, -2), grid=self.grid.subsample(every))

    def to(self, device: torch.device) -> "Trajectories":
        """The same trajectories on a device."""
        return attrs.evolve(self, values=self.values.to(device), parameters=self.parameters.to(device))


@frozen(kw_only=True)
class Extent:
    """How much of space and time a dataset's trajectories have."""

    frames: int
    """Frames of each trajectory."""

    refinement: int
    """Points of the test split along each axis over those of `problem.grid`."""

    test_frames: int | None = None
    """Frames of each test trajectory where these are longer; None: as many as of the others."""


@frozen(kw_only=True, eq=False)
class Rollout:
    """Predicted trajectories beside the true ones, in physical units."""

    prediction: Float[Tensor, "B T N C"]
    """What the simulator gives."""

    truth: Float[Tensor, "B T N C"]
    """What the data says."""

    times: Float[Tensor, " T"]
    """When the frames are, from the start of the trajectory."""

    grid: Grid
    """Where the N points are."""


Symmetry = Callable[[Float[Tensor, "B T N C"], Grid, float, torch.Generator], Float[Tensor, "B T N C"]]
"""Maps windows of solutions to other solutions of the same equation: takes values, grid, dt, generator."""


@frozen(kw_only=True, eq=False)
class Data:
    """What a dataset builds. Test data is never seen before the evaluation."""

    problem: Problem
    """What the trajectories are solutions of."""

    train: Trajectories
    """Seen by the optimiser; on `problem.grid`."""

    validation: Trajectories
    """Chooses checkpoints and stops training; on `problem.grid`."""

    test: Trajectories
    """Evaluated at the end, on the finest grid there is; `problem.grid` is a subsample of it."""

    symmetries: tuple[Symmetry, ...] = ()
    """Maps under which solutions stay solutions, for augmentation."""

    protocol: Mapping[str, str | int | float | bool] = field(factory=dict)
    """How the data was made and split: goes into `evaluation.json` beside every result, and results are compared where
    it is the same. Where it is empty, all that the recipe says of the dataset stands for it."""
