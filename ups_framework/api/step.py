"""What a loss term reads: one batch, its truth and everything the model makes of it, computed on first use."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch
from attrs import Factory, frozen
from attrs import field as attrs_field
from jaxtyping import Float, Int
from torch import Tensor

from ups_framework.api.latent import Latent
from ups_framework.api.points import Points
from ups_framework.api.problem import Problem


@frozen(kw_only=True, eq=False)
class EncodedFrame:
    """A field on the training grid and its latent: what a prediction sets out from."""

    model: "Model"
    """What encoded it."""

    field: Float[Tensor, "B N C"]
    """The field on the training grid."""

    latent: Latent
    """The encoder's latent of it."""

    _decoded: list[tuple[Tensor, Tensor]] = attrs_field(factory=list, init=False, repr=False)

    def decoded(
        self, points: Float[Tensor, "*B Q d"], index: Int[Tensor, "*B Q"] | None = None
    ) -> Float[Tensor, "B Q C"]:
        """What the decoder makes of the latent at points; decoded once for the same tensor of points."""
        for known, values in self._decoded:
            if known is points:
                return values
        values = self.model.decode(self.latent, points, index)
        self._decoded.append((points, values))
        return values

    @property
    def is_on_grid(self) -> bool:
        """Whether the latent is decoded on the training grid already."""
        return any(known is self.model.grid_points for known, _ in self._decoded)


@frozen(kw_only=True, eq=False, slots=False)
class PredictedFrame:
    """A frame that the operator reached, and the frame that it set out from."""

    model: "Model"
    """What reached it."""

    start: EncodedFrame
    """What the operator set out from: a known frame, or the predicted one before, or what a solver made of those."""

    advanced: Latent
    """The latent of the frame."""

    before: Float[Tensor, "B N C"] = attrs_field(default=Factory(lambda self: self.start.field, takes_self=True))
    """The field that guards hold it against, on the training grid: the frame before it in rollouts through fields, the
    known start in those through latents or a solver's own frames."""

    @cached_property
    def on_grid(self) -> Float[Tensor, "B N C"]:
        """The frame's field on the training grid: what a rollout through fields goes on from, decoded once."""
        return self.model.predict([self], self.model.grid_points)[:, 0]

    @property
    def is_on_grid(self) -> bool:
        """Whether the field on the training grid is decoded already, so that more of it costs nothing."""
        return "on_grid" in vars(self)


class Model(Protocol):
    """The part of a simulator that a `Step` needs. Values are in physical units throughout."""

    @property
    def problem(self) -> Problem:
        """What is simulated."""

    @property
    def grid_points(self) -> Float[Tensor, "N d"]:
        """Coordinates of the training grid, where the model is."""

    def encode(self, values: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]) -> Latent:
        """The latent of fields on the training grid."""

    def decode(
        self, latent: Latent, points: Float[Tensor, "*B Q d"], index: Int[Tensor, "*B Q"] | None = None
    ) -> Float[Tensor, "B Q C"]:
        """The fields that a latent stands for, at any points, the same for all samples or each sample's own.

        `index` says which points of the flattened training grid these are, if they are; `grid_points` need none.
        """

    def first(self, start: EncodedFrame, parameters: Float[Tensor, "B P"]) -> PredictedFrame:
        """The frame one `problem.dt` after a field and its latent."""

    def next(self, frame: PredictedFrame, parameters: Float[Tensor, "B P"], *, cut: bool = False) -> PredictedFrame:
        """The frame one `problem.dt` after a predicted one; cut, no gradient flows back into that."""

    def predict(
        self,
        frames: Sequence[PredictedFrame],
        points: Float[Tensor, "*B Q d"],
        index: Int[Tensor, "*B Q"] | None = None,
    ) -> Float[Tensor, "B frames Q C"]:
        """The fields of predicted frames at points, as `decode` has them."""


class Step:
    """One batch of windows with K + 1 frames: frame 0 is given, frames 1 … K are predicted, in physical units.

    Nothing is decoded twice: with `whole_grid`, and wherever a rollout has decoded a frame on the whole training grid,
    its values at the supervised points are picked from there; else they are decoded at those points alone.
    """

    def __init__(
        self,
        *,
        model: Model,
        truth: Float[Tensor, "B frames N C"],
        parameters: Float[Tensor, "B P"],
        points: Points,
        whole_grid: bool = False,
        detach_every: int = 0,
    ) -> None:
        self.model = model
        """What predicts; its other methods are for terms about latents."""
        self.truth = truth
        """All K + 1 frames on the training grid."""
        self.parameters = parameters
        """Parameters of the PDE of each sample, in the order of `problem.parameters`."""
        self.points = points
        """The points that this step supervises."""
        self._detach_every = detach_every
        self._picks_from_grid = whole_grid and points.index is not None
        self._encoded: dict[int, Latent] = {}

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

    @cached_property
    def start(self) -> EncodedFrame:
        """Frame 0 and its latent."""
        return EncodedFrame(model=self.model, field=self.truth[:, 0], latent=self.encoded(0))

    @cached_property
    def frames(self) -> list[PredictedFrame]:
        """Frames 1 … K as the operator reaches them one after another."""
        frames: list[PredictedFrame] = []
        for done in range(self.num_steps):
            if done == 0:
                frames.append(self.model.first(self.start, self.parameters))
                continue
            cut = bool(self._detach_every) and done % self._detach_every == 0
            frames.append(self.model.next(frames[-1], self.parameters, cut=cut))
        return frames

    def advanced(self, frame: int) -> Latent:
        """The operator's latent of frame 1 … K."""
        return self.frames[frame - 1].advanced

    def predict(self, points: Float[Tensor, "*B Q d"]) -> Float[Tensor, "B K Q C"]:
        """The predicted fields of frames 1 … K at any points; not kept."""
        return self.model.predict(self.frames, points)

    @cached_property
    def prediction(self) -> Float[Tensor, "B K Q C"]:
        """The predicted fields of frames 1 … K at the supervised points."""
        if self._picks_from_grid:
            return self.points.read(self.prediction_on_grid)
        if self.points.coordinates.ndim < 4 and not any(frame.is_on_grid for frame in self.frames):
            return self.model.predict(self.frames, self.points.coordinates, self.points.index)
        return torch.cat([self._supervised(number) for number in range(1, self.num_steps + 1)], dim=1)

    def _supervised(self, number: int) -> Float[Tensor, "B 1 Q C"]:
        """Predicted frame 1 … K at its supervised points."""
        frame, points = self.frames[number - 1], self.points.of_frame(number)
        if frame.is_on_grid and points.index is not None:
            return points.read(frame.on_grid[:, None])
        return self.model.predict([frame], points.coordinates, points.index)

    @cached_property
    def target(self) -> Float[Tensor, "B K Q C"]:
        """The true fields of frames 1 … K at the supervised points."""
        return self.points.read(self.truth[:, 1:])

    @cached_property
    def weights(self) -> Float[Tensor, "b k Q 1"] | None:
        """What errors at the supervised points count, for samples and frames of `prediction`; None: all alike."""
        weights = self.points.weights
        if weights is None:
            return None
        shape = {1: (1, 1), 2: (len(weights), 1), 3: weights.shape[:2]}[weights.ndim]
        return weights.reshape(*shape, -1, 1)

    @cached_property
    def prediction_on_grid(self) -> Float[Tensor, "B K N C"]:
        """The predicted fields of frames 1 … K on the whole training grid."""
        return torch.stack([frame.on_grid for frame in self.frames], dim=1)

    @cached_property
    def reconstruction(self) -> Float[Tensor, "B Q C"]:
        """decode(encode(truth)) of frame 0 at the supervised points."""
        points = self.points.of_frame(1)
        if self._picks_from_grid or (self.start.is_on_grid and points.index is not None):
            return points.read(self.reconstruction_on_grid[:, None])[:, 0]
        return self.start.decoded(points.coordinates, points.index)

    @cached_property
    def reconstruction_target(self) -> Float[Tensor, "B Q C"]:
        """The true fields of frame 0 at the supervised points."""
        return self.points.of_frame(1).read(self.truth[:, :1])[:, 0]

    @cached_property
    def reconstruction_on_grid(self) -> Float[Tensor, "B N C"]:
        """decode(encode(truth)) of frame 0 on the whole training grid."""
        return self.start.decoded(self.model.grid_points)
