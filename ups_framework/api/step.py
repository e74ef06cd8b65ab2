"""What a loss term reads: one batch, its truth and everything the model makes of it, computed on first use."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from ups_framework.api.latent import Latent
from ups_framework.api.points import Points
from ups_framework.api.problem import Problem


class Model(Protocol):
    """The part of a simulator that a `Step` needs. Values are in physical units throughout."""

    @property
    def problem(self) -> Problem:
        """What is simulated."""

    def encode(self, values: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]) -> Latent:
        """The latent of fields on the training grid."""

    def advance(self, latent: Latent, parameters: Float[Tensor, "B P"]) -> Latent:
        """The latent one `problem.dt` later."""

    def decode(self, latent: Latent, points: Float[Tensor, "Q d"]) -> Float[Tensor, "B Q C"]:
        """The fields that a latent stands for, at any points."""

    def predict(
        self, start: Float[Tensor, "B N C"], encoded: Latent, advanced: Sequence[Latent], points: Float[Tensor, "Q d"]
    ) -> Float[Tensor, "B T Q C"]:
        """The fields at `points` at each of the advanced latents, given where the rollout started."""


class Step:
    """One batch of windows with K + 1 frames: frame 0 is given, frames 1 … K are predicted, in physical units."""

    def __init__(
        self,
        *,
        model: Model,
        truth: Float[Tensor, "B frames N C"],
        parameters: Float[Tensor, "B P"],
        points: Points,
        detach_every: int = 0,
    ) -> None:
        self.model = model
        self.truth = truth
        """All K + 1 frames on the training grid."""
        self.parameters = parameters
        self.points = points
        """The points that this step supervises."""
        self._detach_every = detach_every
        self._encoded: dict[int, Latent] = {}
        self._advanced: list[Latent] = []

    @property
    def problem(self) -> Problem:
        """What is simulated."""
        return self.model.problem

    @property
    def num_steps(self) -> int:
        """Predicted frames, K; 0 in a stage that only reconstructs."""
        return self.truth.shape[1] - 1

    def encoded(self, frame: int) -> Latent:
        """The encoder's latent of a true frame, 0 … K."""
        if frame not in self._encoded:
            self._encoded[frame] = self.model.encode(self.truth[:, frame], self.parameters)
        return self._encoded[frame]

    def advanced(self, frame: int) -> Latent:
        """The operator's latent of frame 1 … K, reached from frame 0 by `frame` applications."""
        while len(self._advanced) < frame:
            done = len(self._advanced)
            latent = self._advanced[-1] if done else self.encoded(0)
            if done and self._detach_every and done % self._detach_every == 0:
                latent = latent.with_tokens(latent.tokens.detach())
            self._advanced.append(self.model.advance(latent, self.parameters))
        return self._advanced[frame - 1]

    def predict(self, points: Float[Tensor, "Q d"]) -> Float[Tensor, "B K Q C"]:
        """The predicted fields of frames 1 … K at any points; not kept."""
        advanced = [self.advanced(frame) for frame in range(1, self.num_steps + 1)]
        return self.model.predict(self.truth[:, 0], self.encoded(0), advanced, points)

    @cached_property
    def grid_points(self) -> Float[Tensor, "N d"]:
        """Coordinates of the training grid."""
        return self.problem.grid.points().to(self.truth.device)

    @cached_property
    def prediction(self) -> Float[Tensor, "B K Q C"]:
        """The predicted fields of frames 1 … K at the supervised points."""
        return self.predict(self.points.coordinates)

    @cached_property
    def target(self) -> Float[Tensor, "B K Q C"]:
        """The true fields of frames 1 … K at the supervised points."""
        return self.truth[:, 1:].index_select(2, self.points.index)

    @cached_property
    def prediction_on_grid(self) -> Float[Tensor, "B K N C"]:
        """The predicted fields of frames 1 … K on the whole training grid."""
        return self.predict(self.grid_points)

    @cached_property
    def reconstruction(self) -> Float[Tensor, "B Q C"]:
        """decode(encode(truth)) of frame 0 at the supervised points."""
        return self.model.decode(self.encoded(0), self.points.coordinates)

    @cached_property
    def reconstruction_target(self) -> Float[Tensor, "B Q C"]:
        """The true fields of frame 0 at the supervised points."""
        return self.truth[:, 0].index_select(1, self.points.index)

    @cached_property
    def reconstruction_on_grid(self) -> Float[Tensor, "B N C"]:
        """decode(encode(truth)) of frame 0 on the whole training grid."""
        return self.model.decode(self.encoded(0), self.grid_points)
