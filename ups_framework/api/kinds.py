"""The kinds of component that a plugin can add.

A component is a spec: a frozen, keyword-only attrs class whose typed, documented fields are what a recipe may set, and
whose `build` makes the live thing. Kinds are abstract and specs are final: to vary a spec, wrap it. `build` raises
`SpecError(field, problem)` where a field does not suit the problem.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api.latent import LatentSize
from ups_framework.api.points import Draw
from ups_framework.api.problem import Grid, Problem
from ups_framework.api.step import Step
from ups_framework.api.trajectories import Data


class Dataset(ABC):
    """Trajectories of one PDE, read from files or made by a solver. Every dataset has the three fields below."""

    train: int
    """Trajectories of the training split."""

    validation: int
    """Trajectories of the validation split."""

    test: int
    """Trajectories of the test split."""

    @abstractmethod
    def problem(self) -> Problem:
        """What the data is about, from the spec alone: no data is read or made."""

    @abstractmethod
    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Read the data below `folder`, or make it there once, on `device`; tell `report` what takes long.

        Raises DataError if a file is missing, truncated or in another layout.
        """


class Encoder(ABC):
    """Fields on the training grid → latent."""

    @abstractmethod
    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """A module: normalised values (B N C), coordinates (N d), scaled parameters (B P) → `Latent`."""


class Operator(ABC):
    """Latent → latent one time step later. Untrained, it changes nothing (persistence)."""

    @abstractmethod
    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """A module: `Latent`, dt in units of `problem.dt` (B), scaled parameters (B P) → `Latent`."""


class Decoder(ABC):
    """Latent → fields at any points."""

    @abstractmethod
    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """A module: `Latent`, coordinates (Q d) → normalised values (B Q C). Cost linear in Q.

        Coordinates of periodic axes come wrapped between `lower` and `upper`: both ends are one point.
        """


class Sampler(ABC):
    """Which points of the training grid a step supervises."""

    @abstractmethod
    def build(self, problem: Problem) -> Draw:
        """A function from a random generator to the points of one step."""


Term = Callable[[Step], Float[Tensor, ""]]
"""What a loss term builds: a step's loss, averaged over the batch and unweighted; 0 where nothing is predicted."""


class LossTerm(ABC):
    """One term of the objective. `weight`, `share` and `ramp` belong to every term and are applied elsewhere."""

    whole_grid: ClassVar[bool] = False
    """Whether the term reads fields on the whole training grid. If one of a stage's terms does, everything is decoded
    there once, and what other terms read at the sampler's points is picked from it."""

    @abstractmethod
    def build(self, problem: Problem) -> Term:
        """The term for this problem."""


class Measure(Protocol):
    """What a metric builds."""

    def __call__(
        self, prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
    ) -> Float[Tensor, "T C"]:
        """The error at each time step in each channel, over all B trajectories; physical units."""


class Metric(ABC):
    """A figure of merit of a prediction, lower is better."""

    @abstractmethod
    def build(self, problem: Problem) -> Measure:
        """The measure for this problem."""


class Forecast(Protocol):
    """What a baseline builds."""

    def __call__(
        self, start: Float[Tensor, "B N C"], steps: int, grid: Grid, parameters: Float[Tensor, "B P"]
    ) -> Float[Tensor, "B T N C"]:
        """The fields 1 … `steps` time steps after `start`; physical units."""


class Baseline(ABC):
    """A reference that every result stands beside: anything that can roll out without training."""

    @abstractmethod
    def build(self, problem: Problem) -> Forecast:
        """The forecast for this problem."""
