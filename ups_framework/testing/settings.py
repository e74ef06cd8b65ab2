"""Problems to check components on: three of the kit's own with exact solutions, and those of installed datasets."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import torch
from attrs import frozen
from torch import Tensor

from ups_framework.api import (
    Axis,
    Data,
    Field,
    Grid,
    LatentSize,
    Parameter,
    Problem,
    Quantity,
    Trajectories,
)
from ups_framework.border import PASSING, reason
from ups_framework.numerics.random import generator
from ups_framework.registry import Component, Registry
from ups_framework.testing.subject import spec_of

_DT = 0.05
_SAMPLES, _FRAMES = 3, 4
_SPLITS = {"train": _SAMPLES, "validation": 2, "test": 2}


@frozen(kw_only=True, eq=False)
class Setting:
    """A problem and a few trajectories of it on its training grid."""

    name: str
    """In messages."""

    problem: Problem
    """What is simulated."""

    trajectories: Trajectories
    """Solutions, float32."""

    normalisation: Tensor = attrs.field()
    """Values that the fields are normalised by, (B, T, N, C): all trajectories, also where fewer are looked at."""

    @normalisation.default
    def _all_values(self) -> Tensor:
        return self.trajectories.values

    @property
    def latent(self) -> LatentSize:
        """A token for four points along each axis (or fewer, where the axis does not divide)."""
        tokens = math.prod(n // math.gcd(n, 4) for n in self.problem.grid.shape)
        return LatentSize(tokens=tokens, width=16)

    @property
    def device(self) -> torch.device:
        """Where the trajectories are."""
        return self.trajectories.values.device


@frozen(kw_only=True, eq=False)
class Experiment:
    """A dataset with small splits, in a folder that is empty at first."""

    spec: Any  # a dataset, which is an attrs class too
    """The dataset."""

    folder: Path
    """Where it may keep files."""

    refused: str | None = None
    """Why the dataset cannot be made with splits that are small enough for a trial; None if it can."""

    def build(self, folder: str) -> Data:
        """The data, made or read below a folder of that name."""
        data: Data = self.spec.build(folder=self.folder / folder, device=torch.device("cpu"), report=lambda _: None)
        return data

    @cached_property
    def data(self) -> Data:
        """The data, made once."""
        return self.build("first")

    @cached_property
    def unusable(self) -> str | None:
        """Why there is no data, or none to compute with; None if there is."""
        if self.refused is not None:
            return self.refused
        try:
            data = self.data
        except PASSING:
            raise
        except BaseException as error:  # a stranger's code runs here, and may raise anything
            return reason(error)
        for name, split in {"train": data.train, "validation": data.validation, "test": data.test}.items():
            broken = int((~split.values.isfinite()).flatten(1).any(1).sum())
            if broken:
                return f"{broken} of {len(split)} trajectories of split {name} have values that are not finite"
        return None


class Laboratory:
    """All problems there are for one plugin."""

    def __init__(self, *, registry: Registry, plugin: str, folder: Path) -> None:
        self.registry = registry
        self._plugin = plugin
        self._folder = folder
        self._experiments: dict[str, Experiment] = {}
        self._settings: dict[str, Setting] = {}
        self.unusable: dict[str, str] = {}
        """Datasets that no component can be tried on, and why."""

    def experiment(self, component: Component) -> Experiment:
        """A dataset of the plugin or of another one, with the splits that its `example` has.

        Where it has none: 3 training and 2 validation and test trajectories.
        """
        if component.qualified not in self._experiments:
            folder = self._folder / component.qualified.replace(":", "_")
            splits = {name: size for name, size in _SPLITS.items() if name not in component.spec.example}
            spec, refused = None, None
            try:
                spec = attrs.evolve(spec_of(component, self.registry), **splits)
            except PASSING:
                raise
            except BaseException as error:  # a stranger's validators run here, and may raise anything
                sizes = ", ".join(f"{name} = {size}" for name, size in splits.items())
                refused = f"it cannot be tried with {sizes} (set what it needs in `example`): {reason(error)}"
            self._experiments[component.qualified] = Experiment(spec=spec, folder=folder, refused=refused)
        return self._experiments[component.qualified]

    def own_settings(self) -> Iterator[Setting]:
        """The problems of the plugin's datasets, then the kit's."""
        yield from self._dataset_settings(lambda plugin: plugin == self._plugin)
        yield from (travelling_waves(1), standing_waves(), travelling_waves(2))

    def other_settings(self) -> Iterator[Setting]:
        """The problems of other plugins' datasets."""
        yield from self._dataset_settings(lambda plugin: plugin != self._plugin)

    def _dataset_settings(self, wanted: Callable[[str], bool]) -> Iterator[Setting]:
        for component in self.registry.components("dataset"):
            if not wanted(component.plugin):
                continue
            if component.qualified not in self._settings:
                experiment = self.experiment(component)
                if experiment.unusable is not None:
                    self.unusable[component.qualified] = experiment.unusable
                    continue
                data = experiment.data
                train = attrs.evolve(
                    data.train,
                    values=data.train.values[:_SAMPLES, :_FRAMES],
                    parameters=data.train.parameters[:_SAMPLES],
                )
                self._settings[component.qualified] = Setting(
                    name=component.qualified, problem=data.problem, trajectories=train
                )
            yield self._settings[component.qualified]


def travelling_waves(dimensions: int) -> Setting:
    """Periodic, u_t + c Σ_a u_{x_a} = 0 with a scalar (1-D) or a scalar and a vector (2-D) field.

    u = 1 + Σ_k a_k sin(2π (k · x) − 2π c |k|₁ t + φ_k): integrals of u and u² are constant, on the grid too.
    """
    names = "xy"[:dimensions]
    fields = (Field(name="u"),) if dimensions == 1 else (Field(name="density"), Field(name="velocity", components=2))
    grid = Grid(
        axes=tuple(Axis(name=name) for name in names),
        shape=(32,) if dimensions == 1 else (16, 16),
        offset=(0.5,) * dimensions,
    )
    problem = Problem(
        name=f"travelling_waves_{dimensions}d",
        fields=fields,
        grid=grid,
        dt=_DT,
        parameters=(Parameter(name="speed", low=0.5, high=1.5),),
        conserved=(
            Quantity(name="mass", field=fields[0].name, tolerance=1e-5),
            Quantity(name="energy", field=fields[-1].name, power=2, tolerance=1e-5),
        ),
    )
    draw = generator(0, "conformance", problem.name)
    waves = torch.tensor([[1, 0], [2, 1], [0, 3]][: 3 if dimensions == 2 else 2], dtype=torch.float64)[:, :dimensions]
    speed = torch.linspace(0.5, 1.5, _SAMPLES, dtype=torch.float64)
    phase = torch.rand(_SAMPLES, problem.num_channels, len(waves), generator=draw, dtype=torch.float64)
    time = _DT * torch.arange(_FRAMES, dtype=torch.float64)
    place = grid.points().double() @ waves.T
    turns = place[None, None, :, None] + phase[:, None, None]
    turns = turns - (speed[:, None] * time)[:, :, None, None, None] * waves.abs().sum(1)
    values = 1 + torch.sin(2 * math.pi * turns).sum(-1) / len(waves)
    return Setting(name=problem.name, problem=problem, trajectories=_trajectories(problem, values, speed))


def standing_waves() -> Setting:
    """Between cold walls, u_t = 0.1 u_xx: u = Σ_k a_k sin(kπx) exp(−0.1 k²π² t)."""
    grid = Grid(axes=(Axis(name="x", boundary="dirichlet"),), shape=(32,), offset=(0.5,))
    problem = Problem(name="standing_waves", fields=(Field(name="u", unit="K"),), grid=grid, dt=_DT)
    modes = math.pi * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    draw = generator(0, "conformance", "standing_waves")
    amplitude = torch.randn(_SAMPLES, 1, 1, 3, generator=draw, dtype=torch.float64)
    time = _DT * torch.arange(_FRAMES, dtype=torch.float64)[None, :, None, None]
    shapes = torch.sin(modes * grid.coordinates(0)[None, None, :, None])
    values = (amplitude * shapes * torch.exp(-0.1 * modes**2 * time)).sum(-1, keepdim=True)
    return Setting(name=problem.name, problem=problem, trajectories=_trajectories(problem, values, torch.empty(3, 0)))


def _trajectories(problem: Problem, values: Tensor, parameters: Tensor) -> Trajectories:
    return Trajectories(
        values=values.float(),
        parameters=parameters.float().reshape(_SAMPLES, len(problem.parameters)),
        grid=problem.grid,
        dt=problem.dt,
    )
