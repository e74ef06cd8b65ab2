"""Two models for loss terms to look at: a small untrained simulator, and an oracle that is always right."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ups_framework.api import EncodedFrame, Latent, LatentSize, PredictedFrame, Problem
from ups_framework.engine.randomness import seeded
from ups_framework.engine.simulator import Simulator
from ups_framework.numerics.interpolation import cubic_stencil
from ups_framework.recipe.recipe import SimulatorSettings
from ups_framework.testing.settings import Setting

_FREQUENCIES = 4


class _Encoder(nn.Module):
    """Linear in groups of neighbouring points."""

    def __init__(self, problem: Problem, size: LatentSize) -> None:
        super().__init__()
        group = problem.grid.num_points // size.tokens
        self.read = nn.Linear(group * problem.num_channels + len(problem.parameters), size.width)
        self.size = size

    def forward(self, values: Tensor, coordinates: Tensor, parameters: Tensor) -> Latent:
        groups = values.unflatten(1, (self.size.tokens, -1))
        conditions = parameters[:, None].expand(-1, self.size.tokens, -1)
        tokens = self.read(torch.cat([groups.flatten(2), conditions], dim=-1))
        positions = coordinates.unflatten(0, (self.size.tokens, -1)).mean(1)
        return Latent(tokens=tokens, positions=positions)


class _Operator(nn.Module):
    """A small change of each token, from itself and the mean of all."""

    def __init__(self, problem: Problem, size: LatentSize) -> None:
        super().__init__()
        self.change = nn.Linear(2 * size.width + len(problem.parameters), size.width)

    def forward(self, latent: Latent, dt: Tensor, parameters: Tensor) -> Latent:
        count = latent.tokens.shape[1]
        mean = latent.tokens.mean(1, keepdim=True).expand(-1, count, -1)
        conditions = parameters[:, None].expand(-1, count, -1)
        change = torch.tanh(self.change(torch.cat([latent.tokens, mean, conditions], dim=-1)))
        return latent.with_tokens(latent.tokens + dt[:, None, None] * change)


class _Decoder(nn.Module):
    """Waves over the domain whose amplitudes the tokens give; wraps round periodic axes only."""

    def __init__(self, problem: Problem, size: LatentSize) -> None:
        super().__init__()
        self.axes = problem.axes
        features = 2 * _FREQUENCIES * len(problem.axes)
        self.amplitudes = nn.Linear(size.tokens * size.width, (features + 1) * problem.num_channels)
        self.channels = problem.num_channels

    def forward(self, latent: Latent, points: Tensor, index: Tensor | None) -> Tensor:
        lower, length = ([getattr(axis, name) for axis in self.axes] for name in ("lower", "length"))
        turns = [1.0 if axis.periodic else 0.37 for axis in self.axes]
        place = (points - points.new_tensor(lower)) / points.new_tensor(length) * points.new_tensor(turns)
        angle = 2 * math.pi * place[..., None] * torch.arange(1, _FREQUENCIES + 1).to(points)
        features = functional.pad(torch.cat([angle.sin(), angle.cos()], dim=-1).flatten(-2), (1, 0), value=1.0)
        amplitudes = self.amplitudes(latent.tokens.flatten(1)).unflatten(1, (-1, self.channels))
        values: Tensor = features @ amplitudes
        return values


def small_simulator(setting: Setting) -> Simulator:
    """Untrained, but not at rest: every prediction changes with every weight."""
    problem, size = setting.problem, setting.latent
    with seeded(setting.device, 0, "conformance", "simulator"):
        simulator = Simulator(
            problem=problem,
            encoder=_Encoder(problem, size),
            operator=_Operator(problem, size),
            decoder=_Decoder(problem, size),
            settings=SimulatorSettings(rollout="field", predicts="state"),
            precision=torch.float32,
            description={},
        )
    simulator.normalise_by(setting.normalisation)
    return simulator


class Oracle:
    """A model whose latent of a field is the field, one token a point, and whose predictions are given beforehand."""

    def __init__(self, problem: Problem, predictions: Float[Tensor, "B frames N C"]) -> None:
        self.problem = problem
        self.grid_points = problem.grid.points().to(predictions)
        self._latents = [self._latent(values) for values in predictions.unbind(1)]

    def encode(self, values: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]) -> Latent:
        """The field itself."""
        return self._latent(values)

    def decode(
        self, latent: Latent, points: Float[Tensor, "Q d"], index: Tensor | None = None
    ) -> Float[Tensor, "B Q C"]:
        """The field, interpolated."""
        return cubic_stencil(self.problem.grid, self.problem.grid.wrapped(points))(latent.tokens)

    def first(self, start: EncodedFrame, parameters: Float[Tensor, "B P"]) -> PredictedFrame:
        """The first given prediction."""
        return PredictedFrame(model=self, start=start, advanced=self._latents[1])

    def next(self, frame: PredictedFrame, parameters: Float[Tensor, "B P"], *, cut: bool = False) -> PredictedFrame:
        """The given prediction after a frame."""
        number = next(n for n, latent in enumerate(self._latents) if latent is frame.advanced)
        return PredictedFrame(model=self, start=frame.start, advanced=self._latents[number + 1])

    def predict(
        self, frames: Sequence[PredictedFrame], points: Float[Tensor, "Q d"], index: Tensor | None = None
    ) -> Float[Tensor, "B frames Q C"]:
        """The given predictions, interpolated."""
        return torch.stack([self.decode(frame.advanced, points) for frame in frames], dim=1)

    def _latent(self, values: Tensor) -> Latent:
        return Latent(tokens=values, positions=self.grid_points, grid=self.problem.grid.shape)
