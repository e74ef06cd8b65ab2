"""Two tiny problems with exact solutions, a plugin that holds them, and recipes that train on them in a moment."""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import pytest
import torch
from attrs import Factory, field, frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import (
    Axis,
    Data,
    Dataset,
    Field,
    Grid,
    LossTerm,
    Parameter,
    Problem,
    Quantity,
    Step,
    Term,
    Trajectories,
)
from ups_framework.engine.audit import AuditRow
from ups_framework.engine.build import System
from ups_framework.engine.listener import Progress, TrainingRecord
from ups_framework.engine.prepare import Prepared, prepare
from ups_framework.engine.stage_loop import Interrupted
from ups_framework.engine.state import State, begin_stage, restored_state
from ups_framework.engine.trainer import Trainer
from ups_framework.numerics.random import generator
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import Recipe, load_recipe

COMMON = """
[latent]
tokens = 8
width = 16

[encoder]
use = "grid"
channels = 8
kernel = 3

[operator]
use = "transformer_stack"
depth = 1
width = 16
heads = 2

[decoder]
use = "any_point"
channels = 8
heads = 2

[training]
batch = 4
log_every = 5
validate_every = 5
audit_every = 6
checkpoint_every = 100

[evaluation]
context = 1
super_resolution = [1, 2]

[metrics]
nrmse = { use = "nrmse" }

[baselines]
persistence = { use = "persistence" }
spatial_mean = { use = "spatial_mean" }

[losses]
prediction = { use = "relative_l2" }
"""

ADVECTION = (
    COMMON
    + """
reconstruction = { use = "inverse_encoding", weight = 0.3 }

[data]
use = "advection"

[sampler]
use = "uniform"
points = 16

[stages.autoencode]
steps = 8
trains = ["encoder", "decoder"]
losses = ["reconstruction"]
unroll = 0
select = "reconstruction"

[stages.operator]
steps = 12
trains = ["encoder", "operator", "decoder"]
losses = ["prediction", "reconstruction"]
unroll = 3
curriculum = 0.4
"""
)

HEAT = (
    COMMON
    + """

[data]
use = "heat"

[sampler]
use = "dense"

[stages.operator]
steps = 40
trains = ["encoder", "operator", "decoder"]
losses = ["prediction"]
"""
)

NONE: Mapping[str, str] = MappingProxyType({})


@frozen(kw_only=True)
class Advection(Dataset):
    """u_t + c u_x = 0 on a periodic line: u(x, t) = f(x − c t) with f a constant and three sines."""

    train: int = 16
    """Training trajectories."""

    validation: int = 4
    """Validation trajectories."""

    test: int = 4
    """Test trajectories."""

    frames: int = 8
    """Frames of the validation and test trajectories."""

    train_frames: int = 8
    """Frames of the training trajectories."""

    leak: float = 0.0
    """Mass that the data lose per unit time, as records of a sensor that drifts do; the equation loses none."""

    def problem(self) -> Problem:
        return Problem(
            name="advection",
            fields=(Field(name="u"),),
            grid=_fine_grid("periodic").subsample(2),
            dt=0.05,
            parameters=(Parameter(name="speed", low=0.5, high=1.5),),
            conserved=(Quantity(name="mass", field="u"),),
        )

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        fine = {name: self._make(name, getattr(self, name)) for name in ("train", "validation", "test")}
        return Data(
            problem=self.problem(),
            train=fine["train"].subsample(2),
            validation=fine["validation"].subsample(2),
            test=fine["test"],
            symmetries=(_shift,),
            protocol={"exact": True},
        )

    def _make(self, split: str, count: int) -> Trajectories:
        draw, grid = generator(0, "advection", split), _fine_grid("periodic")
        speed = 0.5 + torch.rand(count, 1, 1, 1, generator=draw, dtype=torch.float64)
        phase = torch.rand(count, 1, 1, 3, generator=draw, dtype=torch.float64)
        amplitude = torch.randn(count, 1, 1, 3, generator=draw, dtype=torch.float64) / torch.tensor([1.0, 2.0, 3.0])
        constant = 0.5 * torch.randn(count, 1, 1, 1, generator=draw, dtype=torch.float64)
        frames = self.train_frames if split == "train" else self.frames
        time = 0.05 * torch.arange(frames, dtype=torch.float64)[None, :, None, None]
        x = grid.coordinates(0)[None, None, :, None]
        angle = torch.tensor([1.0, 2.0, 3.0]) * (x - speed * time) + phase
        values = constant - self.leak * time + (amplitude * torch.sin(2 * math.pi * angle)).sum(-1, keepdim=True)
        return Trajectories(values=values.float(), parameters=speed[:, :, 0, 0].float(), grid=grid, dt=0.05)


@frozen(kw_only=True)
class Heat(Dataset):
    """u_t = ν u_xx between cold walls: u(x, t) = Σ_k a_k sin(kπx) exp(−ν k²π² t), ν = 0.1."""

    train: int = 16
    """Training trajectories."""

    validation: int = 4
    """Validation trajectories."""

    test: int = 4
    """Test trajectories."""

    def problem(self) -> Problem:
        grid = _fine_grid("dirichlet").subsample(2)
        return Problem(name="heat", fields=(Field(name="u", unit="K"),), grid=grid, dt=0.05)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        fine = {name: self._make(name, getattr(self, name)) for name in ("train", "validation", "test")}
        return Data(
            problem=self.problem(),
            train=fine["train"].subsample(2),
            validation=fine["validation"].subsample(2),
            test=fine["test"],
        )

    def _make(self, split: str, count: int) -> Trajectories:
        grid, modes = _fine_grid("dirichlet"), math.pi * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        amplitude = torch.randn(count, 1, 1, 3, generator=generator(0, "heat", split), dtype=torch.float64)
        time = 0.05 * torch.arange(8, dtype=torch.float64)[None, :, None, None]
        waves = torch.sin(modes * grid.coordinates(0)[None, None, :, None])
        values = (amplitude * waves * torch.exp(-0.1 * modes**2 * time)).sum(-1, keepdim=True)
        return Trajectories(values=values.float(), parameters=torch.zeros(count, 0), grid=grid, dt=0.05)


def _fine_grid(boundary: str) -> Grid:
    """64 cell centres of the unit interval; every second one is a grid of 32 with the offset 0.25."""
    axis = Axis(name="x", boundary=boundary)  # type: ignore[arg-type]  # one of the three
    return Grid(axes=(axis,), shape=(64,), offset=(0.5,))


def _shift(values: Float[Tensor, "B T N C"], grid: Grid, dt: float, draw: torch.Generator) -> Float[Tensor, "B T N C"]:
    """Every window moved round the circle by whole grid points."""
    by = torch.randint(grid.num_points, (len(values),), generator=draw)
    return torch.stack([window.roll(int(places), dims=1) for window, places in zip(values, by, strict=True)])


@frozen(kw_only=True)
class Detached(LossTerm):
    """Mean square of the predicted field, of which it tells autograd nothing."""

    def build(self, problem: Problem) -> Term:
        return lambda step: step.prediction.detach().square().mean()


@frozen(kw_only=True)
class Breaks(LossTerm):
    """Mean square of the predicted field; at one of its calls NaN, or a value whose gradient is NaN."""

    call: int
    """The call that breaks, from 1."""

    gradient: bool = False
    """Break the gradient only."""

    def build(self, problem: Problem) -> Term:
        calls = 0

        def term(step: Step) -> Tensor:
            nonlocal calls
            calls += 1
            value = step.prediction.square().mean()
            if calls != self.call:
                return value
            return value + (value - value.detach()).sqrt() if self.gradient else value * float("nan")

        return term


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed plugins, and one called `tests` with the components of this file."""
    registry = load_plugins()
    registry.add("dataset", "advection", Advection, "tests")
    registry.add("dataset", "heat", Heat, "tests")
    registry.add("loss", "detached", Detached, "tests")
    registry.add("loss", "breaks", Breaks, "tests")
    return registry


class MakeRecipe(Protocol):
    """Reads one of the recipes above."""

    def __call__(self, *settings: str, terms: Mapping[str, str] = NONE, heat: bool = False) -> Recipe:
        """The recipe with `--set` lines laid over it, and with more loss terms in the stage `operator`."""


@pytest.fixture(scope="session")
def make_recipe(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> MakeRecipe:
    """Reads a recipe."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "advection.toml").write_text(ADVECTION)
    (folder / "heat.toml").write_text(HEAT)

    def make(*settings: str, terms: Mapping[str, str] = NONE, heat: bool = False) -> Recipe:
        path = folder / ("heat.toml" if heat else "advection.toml")
        names = [*(["prediction"] if heat else ["prediction", "reconstruction"]), *terms]
        tables = [f"losses.{name}={{ {table} }}" for name, table in terms.items()]
        layers = [f"stages.operator.losses={names}", *tables, *settings]
        return load_recipe(path, registry=registry, settings=layers, gpu=False).recipe

    return make


class Prepare(Protocol):
    """Builds a recipe and its data."""

    def __call__(self, *settings: str, terms: Mapping[str, str] = NONE, heat: bool = False) -> Prepared:
        """An untrained system and its data."""


@pytest.fixture(scope="session")
def prepare_recipe(make_recipe: MakeRecipe, registry: Registry) -> Prepare:
    """Builds a recipe and its data."""

    def build(*settings: str, terms: Mapping[str, str] = NONE, heat: bool = False) -> Prepared:
        return prepare(make_recipe(*settings, terms=terms, heat=heat), registry, torch.device("cpu"), lambda _: None)

    return build


@frozen(kw_only=True, eq=False)
class Log:
    """A listener that remembers everything but times."""

    trained_at: list[tuple[str, int, TrainingRecord]] = Factory(list)
    """Stage, step and record."""

    validated_at: list[tuple[str, int, str, float, bool]] = Factory(list)
    """Stage, step, figure, value and whether it was the best."""

    audited_at: list[tuple[str, int, Sequence[AuditRow]]] = Factory(list)
    """Stage, step and rows."""

    stages: list[str] = Factory(list)
    """Beginnings and ends."""

    def stage_started(self, progress: Progress) -> None:
        self.stages.append(f"{progress.stage} from {progress.step}")

    def trained(self, progress: Progress, record: TrainingRecord) -> None:
        self.trained_at.append((progress.stage, progress.step, record))

    def validated(self, progress: Progress, figure: str, value: float, best: bool) -> None:
        self.validated_at.append((progress.stage, progress.step, figure, value, best))

    def audited(self, progress: Progress, rows: Sequence[AuditRow]) -> None:
        self.audited_at.append((progress.stage, progress.step, rows))

    def stage_ended(self, progress: Progress, figure: str, best: float) -> None:
        self.stages.append(f"{progress.stage} ended at {progress.step}")


@frozen(kw_only=True, eq=False)
class Trained:
    """A run that has ended or was stopped."""

    system: System
    """Trained."""

    data: Data
    """What it was trained on."""

    log: Log
    """What was heard."""

    saved: list[bytes] = field(repr=False)
    """Its checkpoints."""

    stopped: bool
    """Whether it was asked to stop before the end."""

    def weights(self) -> dict[str, Tensor]:
        """The simulator's weights."""
        return self.system.simulator.state_dict()

    def checkpoint(self, index: int) -> dict[str, Any]:
        """A checkpoint as it is read from a file."""
        return _read(self.saved[index])


class Train(Protocol):
    """Trains a recipe."""

    def __call__(
        self,
        *settings: str,
        terms: Mapping[str, str] = NONE,
        heat: bool = False,
        stop_after: int | None = None,
        checkpoint: bytes | None = None,
    ) -> Trained:
        """Train to the end, or until so many steps are made, from the beginning or from a checkpoint."""


@pytest.fixture(scope="session")
def train(prepare_recipe: Prepare) -> Train:
    """Trains a recipe."""

    def run(
        *settings: str,
        terms: Mapping[str, str] = NONE,
        heat: bool = False,
        stop_after: int | None = None,
        checkpoint: bytes | None = None,
    ) -> Trained:
        prepared, log = prepare_recipe(*settings, terms=terms, heat=heat), Log()
        saved, steps = list[bytes](), 0

        def stopping() -> bool:
            nonlocal steps
            steps += 1
            return steps == stop_after

        system = prepared.system
        trainer = Trainer(
            system=system,
            data=prepared.data,
            listeners=[log],
            save=lambda state: saved.append(_write(state)),
            stopping=stopping,
        )
        try:
            trainer.run(begin_stage(system, 0) if checkpoint is None else restored_state(system, _read(checkpoint)))
            stopped = False
        except Interrupted:
            stopped = True
        return Trained(system=system, data=prepared.data, log=log, saved=saved, stopped=stopped)

    return run


def _write(state: State) -> bytes:
    payload = io.BytesIO()
    torch.save(state.tensors(), payload)
    return payload.getvalue()


def _read(payload: bytes) -> dict[str, Any]:  # what torch.load gives
    saved: dict[str, Any] = torch.load(io.BytesIO(payload), weights_only=True)
    return saved
