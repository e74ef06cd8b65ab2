"""A model whose latents are given: the encoder's tokens are the field itself, and each step multiplies them."""

from collections.abc import Callable, Sequence

import pytest
import torch
from attrs import evolve, frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Axis, EncodedFrame, Field, Grid, Latent, Points, PredictedFrame, Problem, Step


@frozen(kw_only=True, eq=False)
class Scaling:
    """One token a grid point, as wide as the field has channels; the operator scales all tokens by `factor`."""

    problem: Problem
    factor: float

    @property
    def grid_points(self) -> Float[Tensor, "N d"]:
        return self.problem.grid.points()

    def encode(self, values: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]) -> Latent:
        return Latent(tokens=values, positions=self.problem.grid.points())

    def decode(
        self, latent: Latent, points: Float[Tensor, "Q d"], index: Tensor | None = None
    ) -> Float[Tensor, "B Q C"]:
        nearest = torch.cdist(points, latent.positions).argmin(dim=1)
        return latent.tokens[:, nearest]

    def first(self, start: EncodedFrame, parameters: Float[Tensor, "B P"]) -> PredictedFrame:
        return self.next(PredictedFrame(model=self, start=start, advanced=start.latent), parameters)

    def next(self, frame: PredictedFrame, parameters: Float[Tensor, "B P"], *, cut: bool = False) -> PredictedFrame:
        latent = frame.advanced
        return evolve(frame, advanced=latent.with_tokens(self.factor * latent.tokens))

    def predict(
        self, frames: Sequence[PredictedFrame], points: Float[Tensor, "Q d"], index: Tensor | None = None
    ) -> Float[Tensor, "B T Q C"]:
        return torch.stack([self.decode(frame.advanced, points) for frame in frames], dim=1)


@pytest.fixture
def make_step() -> Callable[..., Step]:
    """A step whose encoded tokens are `tokens`, and whose latent of frame k is factor^k times that."""

    def make(tokens: Float[Tensor, "B T D"], factor: float = 1.0, steps: int = 0) -> Step:
        _, count, width = tokens.shape
        grid = Grid(axes=(Axis(name="x"),), shape=(count,), offset=(0.5,))
        fields = tuple(Field(name=f"u{channel}") for channel in range(width))
        problem = Problem(name="any", fields=fields, grid=grid, dt=0.1)
        return Step(
            model=Scaling(problem=problem, factor=factor),
            truth=tokens.unsqueeze(1).expand(-1, steps + 1, -1, -1),
            parameters=torch.zeros(len(tokens), 0),
            points=Points(coordinates=grid.points(), index=torch.arange(count)),
        )

    return make
