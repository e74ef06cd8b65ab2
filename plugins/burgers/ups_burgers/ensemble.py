"""What determines a generated file. Its name follows from that, and its numbers but for the rounding of a device."""

import hashlib
from collections.abc import Iterable
from typing import Literal

import torch
from attrs import astuple, frozen
from jaxtyping import Float
from torch import Tensor

from ups_burgers.finite_volume import FiniteVolume
from ups_burgers.initial import initial_condition
from ups_burgers.spectral import FourierETDRK4
from ups_framework.api import Axis, Grid
from ups_framework.numerics.random import generator

NUM_POINTS = 1024
NUM_FRAMES = 201
DT = 0.01
"""PDEBench's cells of (0, 1) and frames of [0, 2]."""

_VERSION = 1
"""Rises with every change that changes the data."""

_SPECTRAL_FROM = 0.01
"""The viscosity from which 1024 points resolve a shock, whose width is about 4 ν / (π jump)."""


@frozen(kw_only=True)
class Ensemble:
    """Trajectories of one viscosity."""

    viscosity: float
    """ν; the equation has ν/π."""

    boundary: Literal["periodic", "dirichlet"]
    """What holds at 0 and 1."""

    trajectories: int
    """How many."""

    seed: int
    """Of the starts."""

    @property
    def file_name(self) -> str:
        """PDEBench's name, and what else tells this file from others."""
        digest = hashlib.sha256(repr((_VERSION, *astuple(self))).encode()).hexdigest()[:10]
        return f"1D_Burgers_Sols_Nu{self.viscosity:g}-{digest}.hdf5"

    @property
    def solver(self) -> type[FiniteVolume] | type[FourierETDRK4]:
        """What solves it."""
        resolved = self.viscosity >= _SPECTRAL_FROM and self.boundary == "periodic"
        return FourierETDRK4 if resolved else FiniteVolume

    def grid(self, num_points: int = NUM_POINTS, offset: float = 0.5) -> Grid:
        """A grid of the ensemble's domain: cell centres unless said otherwise."""
        axis = Axis(name="x", boundary=self.boundary)
        return Grid(axes=(axis,), shape=(num_points,), offset=(offset,))

    def start(self, numbers: Iterable[int], grid: Grid) -> Float[Tensor, "B N"]:
        """Where the trajectories with these numbers start; number n is the same however many there are."""
        x, walls = grid.coordinates(0), self.boundary == "dirichlet"
        purpose = ("burgers", self.boundary, repr(self.viscosity))
        starts = [initial_condition(x, generator(self.seed, *purpose, number), walls=walls) for number in numbers]
        return torch.stack(starts)
