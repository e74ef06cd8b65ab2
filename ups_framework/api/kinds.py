"""The kinds of component that a plugin can add.

A component is a spec: a frozen, keyword-only attrs class whose typed, documented fields are what a recipe may set, and
whose `build` makes the live thing. Kinds are abstract and specs are final: to vary a spec, wrap it. `build` raises
`SpecError(field, problem)` where a field does not suit the problem. `ups plugins check` holds every component to what
is said here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api.latent import LatentSize
from ups_framework.api.points import Sampling
from ups_framework.api.problem import Grid, Problem
from ups_framework.api.step import Step
from ups_framework.api.trajectories import Data, Extent, Rollout

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Spec:
    """What all kinds have in common."""

    example: ClassVar[Mapping[str, object]] = MappingProxyType({})
    """Fields as a recipe writes them, for `ups describe` and `ups plugins check`: those without a default, and those
    whose default is too large for a trial of a few seconds."""


class Dataset(Spec, ABC):
    """Trajectories of one PDE, read from files or made by a solver. Every dataset has the three fields below."""

    train: int
    """Trajectories of the training split."""

    validation: int
    """Trajectories of the validation split."""

    test: int
    """Trajectories of the test split."""

    @abstractmethod
    def problem(self) -> Problem:
        """What the data is about, from the spec alone: no data is made, and of files no more than their heads read."""

    @abstractmethod
    def extent(self) -> Extent:
        """How many frames the trajectories have and how fine the test split is, from the spec alone."""

    @abstractmethod
    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        """Read the data below `folder`, or make it there once, on `device`; tell `report` what takes long.

        The same spec gives the same data in every folder. Raises DataError if a file is missing, truncated or in
        another layout.
        """


class Encoder(Spec, ABC):
    """Fields on the training grid → latent."""

    @abstractmethod
    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """A module: normalised values (B N C), coordinates (N d), scaled parameters (B P) → `Latent`."""


class Operator(Spec, ABC):
    """Latent → latent one time step later. Untrained, it changes nothing (persistence)."""

    @abstractmethod
    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """A module: `Latent`, dt in units of `problem.dt` (B), scaled parameters (B P) → `Latent`."""


class LatentTransform(Spec, ABC):
    """Latent → latent of the same shape, after the encoder and after each step of the operator."""

    @abstractmethod
    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """A module: `Latent` → `Latent`. One that acts while training only, such as noise, goes by `self.training`."""


class Decoder(Spec, ABC):
    """Latent → fields at any points."""

    @abstractmethod
    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """A module: `Latent`, coordinates (Q d), or (B Q d) of each sample, and index → normalised values (B Q C).

        The index, (Q) or (B Q), says which points of the flattened training grid these are, for what is known there
        need not be interpolated; None says that they may be anywhere. Cost linear in Q, beside at most one pass over
        the training grid. Coordinates of periodic axes
        come wrapped between `lower` and `upper`: both ends are one point.
        """


Correct = Callable[[Float[Tensor, "B N C"], Float[Tensor, "B N C"]], Float[Tensor, "B N C"]]
"""What a guard builds: takes a predicted frame and the frame before it (in rollouts through latents the known start),
on the training grid in physical units; gives the nearest frame for which something holds exactly."""


class Guard(Spec, ABC):
    """Something that every prediction has by construction, in training and in use."""

    @abstractmethod
    def build(self, problem: Problem) -> Correct:
        """The correction: differentiable, each sample by itself, and nothing for a frame that it has corrected."""


class Sampler(Spec, ABC):
    """Which points a step supervises."""

    counts: ClassVar[bool] = False
    """Whether it draws as many points as an occasion asks for, so that a curriculum can wrap it."""

    @abstractmethod
    def build(self, problem: Problem) -> Sampling:
        """What draws the points of each step."""


OnTruth = Literal["zero", "least", "any"]
"""What a loss term is where predictions are the truth: `zero`; `least`, so that no other prediction has less; or `any`,
of a term that asks for something else than the truth, such as latents of a certain size."""

Term = Callable[[Step], Float[Tensor, ""]]
"""What a loss term builds: a step's loss, averaged over the batch and unweighted; 0 where nothing is predicted."""


class LossTerm(Spec, ABC):
    """One term of the objective. `weight`, `share` and `ramp` belong to every term and are applied elsewhere."""

    whole_grid: ClassVar[bool] = False
    """Whether the term reads fields on the whole training grid. If one of a stage's terms does, everything is decoded
    there once, and what other terms read at the sampler's points is picked from it."""

    on_truth: ClassVar[OnTruth] = "any"
    """What the term is where predictions are the truth."""

    one_sided: ClassVar[bool] = False
    """Whether predictions other than the truth may satisfy it, and are then 0 without a gradient: the audit does not
    take that for a term without effect."""

    @abstractmethod
    def build(self, problem: Problem) -> Term:
        """The term for this problem."""


class Measure(Protocol):
    """What a metric builds."""

    def __call__(
        self, prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
    ) -> Float[Tensor, "T C"]:
        """The error at each time step in each channel, over all B trajectories; physical units."""


class Metric(Spec, ABC):
    """A figure of merit of a prediction, lower is better."""

    @abstractmethod
    def build(self, problem: Problem) -> Measure:
        """The measure for this problem."""

    def closed_form(self, problem: Problem) -> "ClosedForm | None":
        """A prediction whose value follows by hand from the formula: `ups plugins check` compares, and asks for one."""
        return None


@frozen(kw_only=True, eq=False)
class ClosedForm:
    """What a metric is worth in one case."""

    prediction: Float[Tensor, "B T N C"]
    """On `problem.grid`."""

    truth: Float[Tensor, "B T N C"]
    """Likewise."""

    value: Float[Tensor, "T C"]
    """What the measure gives, up to a relative 1e-5."""


class Forecast(Protocol):
    """What a baseline builds."""

    def __call__(
        self, start: Float[Tensor, "B N C"], steps: int, grid: Grid, parameters: Float[Tensor, "B P"]
    ) -> Float[Tensor, "B T N C"]:
        """The fields 1 … `steps` time steps after `start`; physical units."""


class Baseline(Spec, ABC):
    """A reference that every result stands beside: anything that can roll out without training."""

    @abstractmethod
    def build(self, problem: Problem) -> Forecast:
        """The forecast for this problem."""


Plot = Callable[[Rollout], "Figure"]
"""What a picture builds: draws a rollout as a matplotlib figure, without touching pyplot's global state."""


class Picture(Spec, ABC):
    """A picture of test rollouts beside their truth, in the report of a run that names it."""

    @abstractmethod
    def build(self, problem: Problem) -> Plot:
        """The drawing for this problem."""
