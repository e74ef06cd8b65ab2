"""A plugin that holds two tiny problems, and recipes that train on them in a moment."""

import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import pytest
import torch
from attrs import Factory, field, frozen
from torch import Tensor

from tests.engine.capped import Capped, CappedSilently
from tests.engine.inside import Doubled, KeepMean, Noisy, Sluggish
from tests.engine.problems import Advection, Breaks, Detached, Faulty, Heat, Unreduced
from ups_framework.api import (
    Data,
)
from ups_framework.engine.audit import AuditRow
from ups_framework.engine.build import System
from ups_framework.engine.diagnostics import Diagnostics
from ups_framework.engine.distributions import Distribution
from ups_framework.engine.listener import Progress, TrainingRecord, Validation
from ups_framework.engine.prepare import Prepared, prepare
from ups_framework.engine.stage_loop import Interrupted
from ups_framework.engine.state import State, begin_stage, restored_state
from ups_framework.engine.trainer import Trainer
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
use = "tests:heat"

[sampler]
use = "dense"

[stages.operator]
steps = 40
trains = ["encoder", "operator", "decoder"]
losses = ["prediction"]
"""
)

NONE: Mapping[str, str] = MappingProxyType({})


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed plugins, and one called `tests` with the components of this file."""
    registry = load_plugins()
    registry.add("dataset", "advection", Advection, "tests")
    registry.add("dataset", "heat", Heat, "tests")
    registry.add("loss", "detached", Detached, "tests")
    registry.add("loss", "unreduced", Unreduced, "tests")
    registry.add("loss", "breaks", Breaks, "tests")
    registry.add("loss", "faulty", Faulty, "tests")
    registry.add("loss", "capped", Capped, "tests")
    registry.add("loss", "capped_silently", CappedSilently, "tests")
    registry.add("guard", "keep_mean", KeepMean, "tests")
    registry.add("baseline", "sluggish", Sluggish, "tests")
    registry.add("latent_transform", "doubled", Doubled, "tests")
    registry.add("latent_transform", "noisy", Noisy, "tests")
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

    diagnosed: list[Diagnostics] = Factory(list)
    """Of each validation."""

    audited_at: list[tuple[str, int, Sequence[AuditRow]]] = Factory(list)
    """Stage, step and rows."""

    gradients_at: list[tuple[str, int, Mapping[str, Distribution]]] = Factory(list)
    """Stage, step and distribution in each part."""

    stages: list[str] = Factory(list)
    """Beginnings and ends."""

    def stage_started(self, progress: Progress) -> None:
        self.stages.append(f"{progress.stage} from {progress.step}")

    def trained(self, progress: Progress, record: TrainingRecord) -> None:
        self.trained_at.append((progress.stage, progress.step, record))

    def validated(self, progress: Progress, validation: Validation) -> None:
        entry = (progress.stage, progress.step, validation.figure, validation.value, validation.best)
        self.validated_at.append(entry)
        self.diagnosed.append(validation.diagnostics)

    def gradients_seen(self, progress: Progress, parts: Mapping[str, Distribution]) -> None:
        self.gradients_at.append((progress.stage, progress.step, parts))

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
