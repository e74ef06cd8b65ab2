"""A model whose every part can be written down (it keeps the grid values and interpolates), and tiny recipes."""

from collections.abc import Callable, Sequence

import pytest
import torch
from attrs import evolve, frozen
from jaxtyping import Float
from torch import Tensor

from plugins.physics_priors.tests.problems import Eddies, Tracer
from ups_framework.api import Axis, EncodedFrame, Grid, Latent, Points, PredictedFrame, Problem, Step
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import Recipe, load_recipe

RECIPE = """
[data]
use = "tracer"

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

[sampler]
use = "dense"

[losses]
prediction = { use = "relative_l2" }

[metrics]
nrmse = { use = "nrmse" }

[baselines]
persistence = { use = "persistence" }

[stages.operator]
steps = 150
trains = ["encoder", "operator", "decoder"]
losses = ["prediction"]
unroll = 2

[optimizer]
learning_rate = 3e-3
ema = 0.0

[training]
batch = 8
validate_every = 1000
audit_every = 20
checkpoint_every = 1000

[evaluation]
context = 1
super_resolution = [1]
"""


@frozen(kw_only=True, eq=False)
class Interpolator:
    """The latent is the field on the grid; a step adds `change`; between and beyond the points the field is linear."""

    problem: Problem
    change: Float[Tensor, "N C"]

    @property
    def grid_points(self) -> Float[Tensor, "N d"]:
        return self.problem.grid.points()

    def encode(self, values: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]) -> Latent:
        return Latent(tokens=values, positions=self.problem.grid.points())

    def decode(
        self, latent: Latent, points: Float[Tensor, "Q d"], index: Tensor | None = None
    ) -> Float[Tensor, "B Q C"]:
        weights = torch.ones(len(points), 1)
        for axis in range(len(self.problem.axes)):
            along = _hats(points[:, axis], self.problem.grid, axis)
            weights = (weights.unsqueeze(2) * along.unsqueeze(1)).flatten(1)
        return weights @ latent.tokens

    def first(self, start: EncodedFrame, parameters: Float[Tensor, "B P"]) -> PredictedFrame:
        return self.next(PredictedFrame(model=self, start=start, advanced=start.latent), parameters)

    def next(self, frame: PredictedFrame, parameters: Float[Tensor, "B P"], *, cut: bool = False) -> PredictedFrame:
        latent = frame.advanced
        return evolve(frame, advanced=latent.with_tokens(latent.tokens + self.change))

    def predict(
        self, frames: Sequence[PredictedFrame], points: Float[Tensor, "Q d"], index: Tensor | None = None
    ) -> Float[Tensor, "B T Q C"]:
        return torch.stack([self.decode(frame.advanced, points) for frame in frames], dim=1)


def _hats(x: Float[Tensor, " Q"], grid: Grid, axis: int) -> Float[Tensor, "Q n"]:
    """Weights of linear interpolation along one axis."""
    place = (x - grid.axes[axis].lower) / grid.spacing[axis] - grid.offset[axis]
    left = place.floor().clamp(0, grid.shape[axis] - 2).long()
    weights = torch.zeros(len(x), grid.shape[axis])
    weights.scatter_(1, left.unsqueeze(1), (left + 1 - place).unsqueeze(1))
    return weights.scatter_(1, left.unsqueeze(1) + 1, (place - left).unsqueeze(1))


@pytest.fixture
def make_step() -> Callable[..., Step]:
    """A step whose prediction of frame k is frame 0 plus k times `change`, and whose truth is that of `true_change`."""

    def make(
        problem: Problem,
        start: Float[Tensor, "B N C"],
        change: Float[Tensor, "N C"],
        steps: int = 1,
        true_change: Float[Tensor, "N C"] | None = None,
    ) -> Step:
        still = torch.zeros(start.shape[1:]) if true_change is None else true_change
        grid_points = problem.grid.points()
        return Step(
            model=Interpolator(problem=problem, change=change),
            truth=torch.stack([start + frame * still for frame in range(steps + 1)], dim=1),
            parameters=torch.zeros(len(start), 0),
            points=Points(coordinates=grid_points, index=torch.arange(len(grid_points))),
        )

    return make


@pytest.fixture
def make_grid() -> Callable[..., Grid]:
    """A grid of cell centres over axes of length 2, unless the offset says otherwise."""

    def make(*shape: int, offset: float = 0.5, **settings: object) -> Grid:
        axes = tuple(Axis(name=name, lower=-1.0, upper=1.0, **settings) for name, _ in zip("xyz", shape, strict=False))  # type: ignore[arg-type]  # fields of Axis
        return Grid(axes=axes, shape=shape, offset=(offset,) * len(shape))

    return make


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed plugins, and one called `tests` with this folder's two problems."""
    registry = load_plugins()
    registry.add("dataset", "tracer", Tracer, "tests")
    registry.add("dataset", "eddies", Eddies, "tests")
    return registry


@pytest.fixture(scope="session")
def make_recipe(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recipe]:
    """Reads a recipe for one of the two problems, with `--set` lines laid over it."""
    path = tmp_path_factory.mktemp("recipes") / "recipe.toml"
    path.write_text(RECIPE)

    def make(dataset: str, *settings: str) -> Recipe:
        tokens = {"tracer": 8, "eddies": 16}[dataset]
        layers = [f'data.use="{dataset}"', f"latent.tokens={tokens}", *settings]
        return load_recipe(path, registry=registry, settings=layers, gpu=False).recipe

    return make
