"""A small plugin of real specs, a registry that holds it, and a recipe that uses it."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch
from attrs import field, frozen, validators
from torch import nn

from ups_framework.api import (
    Axis,
    Baseline,
    Data,
    Dataset,
    Decoder,
    Encoder,
    Extent,
    Field,
    Forecast,
    Grid,
    LatentSize,
    LossTerm,
    Measure,
    Metric,
    Operator,
    Problem,
    Sampler,
    Sampling,
    Term,
)
from ups_framework.plugins import Registry

RECIPE = """
description = "a test"

[data]
use = "waves"

[latent]
tokens = 8
width = 4

[encoder]
use = "plain_encoder"

[operator]
use = "stack"
depth = 2

[decoder]
use = "plain_decoder"

[sampler]
use = "first"
points = 5

[losses.fit]
use = "mse"

[losses.drift]
use = "drift"
share = 0.05
order = 4

[stages.warm]
steps = 10
trains = ["encoder", "decoder"]
losses = ["fit"]

[stages.all]
steps = 20
trains = ["operator"]
losses = ["fit", "drift"]

[metrics.nrmse]
use = "nrmse"

[baselines.still]
use = "still"
"""


@frozen(kw_only=True)
class Waves(Dataset):
    """Waves on a periodic line."""

    speed: float = 1.0
    """Speed."""

    def problem(self) -> Problem:
        grid = Grid(axes=(Axis(name="x"),), shape=(16,), offset=(0.0,))
        return Problem(name="waves", fields=(Field(name="u"),), grid=grid, dt=0.1)

    def extent(self) -> Extent:
        return Extent(frames=5, refinement=1)

    def build(self, *, folder: Path, device: torch.device, report: Callable[[str], None]) -> Data:
        raise NotImplementedError


@frozen(kw_only=True)
class PlainEncoder(Encoder):
    """Encodes."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return nn.Identity()


@frozen(kw_only=True)
class Bias:
    """A block inside a spec."""

    kind: Literal["none", "learned"] = "none"
    """Which."""

    scales: tuple[float, float] = (1.0, 2.0)
    """Two scales."""


@frozen(kw_only=True)
class Stack(Operator):
    """Layers."""

    depth: int = field(validator=validators.ge(1))
    """Layers."""

    heads: int = field(default=2, validator=validators.ge(1))
    """Heads."""

    attention: Literal["standard", "separated"] = "standard"
    """Which."""

    drop: float = field(default=0.0, validator=validators.lt(1.0))
    """Rate."""

    causal: bool = False
    """Look back only."""

    bias: Bias = field(factory=Bias)
    """A block."""

    @heads.validator
    def _heads(self, _attribute: object, value: int) -> None:
        if value > 8 * self.depth:
            raise ValueError(f"must be at most 8 times depth: {value}")

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return nn.Identity()


@frozen(kw_only=True)
class Spectral(Operator):
    """Modes."""

    modes: int
    """Modes."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return nn.Identity()


@frozen(kw_only=True)
class Repeated(Operator):
    """Applies other operators in turn."""

    inner: Operator
    """The first."""

    others: tuple[Operator, ...] = ()
    """The rest."""

    after: Operator | None = None
    """The last."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return self.inner.build(problem, latent)


@frozen(kw_only=True)
class PlainDecoder(Decoder):
    """Decodes."""

    bound: dict[str, float] = field(factory=dict)
    """Largest value by field."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return nn.Identity()


@frozen(kw_only=True)
class First(Sampler):
    """The first points."""

    points: int
    """How many."""

    def build(self, problem: Problem) -> Sampling:
        raise NotImplementedError


@frozen(kw_only=True)
class Mse(LossTerm):
    """Mean square error."""

    def build(self, problem: Problem) -> Term:
        return lambda step: (step.prediction - step.target).square().mean()


@frozen(kw_only=True)
class Drift(LossTerm):
    """Change of the mean."""

    order: Literal[2, 4] = 2
    """Order."""

    limit: float | None = None
    """Most that counts."""

    def build(self, problem: Problem) -> Term:
        return lambda step: step.prediction.mean().square()


@frozen(kw_only=True)
class Rmse(Metric):
    """Root of the mean square error."""

    def build(self, problem: Problem) -> Measure:
        return lambda prediction, truth, grid: (prediction - truth).square().mean(dim=(0, 2)).sqrt()


@frozen(kw_only=True)
class Nrmse(Metric):
    """The same over the root of the mean square of the truth."""

    def build(self, problem: Problem) -> Measure:
        return lambda prediction, truth, grid: ((prediction - truth).square().mean() / truth.square().mean()).sqrt()


@frozen(kw_only=True)
class Still(Baseline):
    """Nothing changes."""

    def build(self, problem: Problem) -> Forecast:
        return lambda start, steps, grid, parameters: start[:, None].expand(-1, steps, -1, -1)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """A registry with every kind of component."""
    registry = Registry()
    tables: dict[str, dict[str, type]] = {
        "dataset": {"waves": Waves},
        "encoder": {"plain_encoder": PlainEncoder},
        "operator": {"stack": Stack, "spectral": Spectral, "repeated": Repeated},
        "decoder": {"plain_decoder": PlainDecoder},
        "sampler": {"first": First},
        "loss": {"mse": Mse, "drift": Drift},
        "metric": {"nrmse": Nrmse, "rmse": Rmse},
        "baseline": {"still": Still},
    }
    for kind, specs in tables.items():
        for name, spec in specs.items():
            registry.add(kind, name, spec, "small")
    return registry


@pytest.fixture(scope="session")
def recipe_text() -> str:
    """A valid recipe."""
    return RECIPE


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a recipe file into the current folder, by default the one above, and gives its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(text: str = RECIPE, name: str = "wave.toml", append: str = "") -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + append)
        return name

    return write_file
