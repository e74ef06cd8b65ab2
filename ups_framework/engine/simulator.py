"""The thing that a run makes: encoder, operator, decoder and normalisation in one file that needs no recipe."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from attrs import evolve
from jaxtyping import Float, Int
from torch import Tensor, nn

from ups_framework.api import Correct, EncodedFrame, Forecast, Latent, PredictedFrame, Problem
from ups_framework.border import class_of
from ups_framework.errors import DataError, PluginError, RunError
from ups_framework.numerics.interpolation import cubic_stencil, picked
from ups_framework.recipe.recipe import Part, SimulatorSettings

_SCHEMA = 1

FARTHEST_SOLVED = 100.0
"""Standard deviations from the mean from which on a field has left what a solver is asked to step."""

MOST_DECODED = 2**18
"""Points of all samples that a rollout decodes at once at points of the caller's: a bound on its memory."""


class Simulator(nn.Module):
    """Advances physical fields in time. Values are in physical units, times in steps of `problem.dt`."""

    mean: Tensor
    sd: Tensor
    grid_points: Tensor
    grid_index: Tensor

    def __init__(
        self,
        *,
        problem: Problem,
        encoder: nn.Module,
        operator: nn.Module,
        decoder: nn.Module,
        transforms: Sequence[nn.Module] = (),
        guards: Sequence[Correct] = (),
        solver: Forecast | None = None,
        settings: SimulatorSettings,
        precision: torch.dtype,
        description: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.problem = problem
        self.encoder, self.operator, self.decoder = encoder, operator, decoder
        self.transforms = nn.ModuleList(transforms)
        self.guards = tuple(guards)
        self.solver = solver
        """What makes each step, for the networks to correct."""
        self.settings = settings
        self.precision = precision
        self.description = description
        """Plain values that `ups_framework.engine.build` makes the parts from again."""
        self.register_buffer("mean", torch.zeros(problem.num_channels))
        self.register_buffer("sd", torch.ones(problem.num_channels))
        self.register_buffer("grid_points", problem.grid.points(), persistent=False)
        self.register_buffer("grid_index", torch.arange(problem.grid.num_points), persistent=False)

    @property
    def parts(self) -> dict[Part, nn.Module]:
        """The modules that a stage may train, by name."""
        return {"encoder": self.encoder, "operator": self.operator, "decoder": self.decoder}

    def normalise_by(self, values: Float[Tensor, "B T N C"]) -> None:
        """Take each channel's mean and standard deviation from training data; DataError if one never varies."""
        flat = values.flatten(0, -2).double()
        self.mean.copy_(flat.mean(0))
        self.sd.copy_(flat.std(0))
        constant = [name for name, sd in zip(self.problem.channel_names, self.sd.tolist(), strict=True) if not sd > 0]
        if constant:
            raise DataError(
                f"{', '.join(constant)} has one value in all training data, or values that are not finite: nothing to "
                "learn. If the dataset has been mended since, delete its files in the data folder, so that they are "
                "made anew"
            )

    def compile_parts(self) -> None:
        """Compile encoder, operator and decoder with `torch.compile`, at their first use; copies are not compiled."""
        for part in self.parts.values():
            part.compile()

    def encode(self, values: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]) -> Latent:
        """The latent of fields on the training grid."""
        with self._autocast():
            latent: Latent = self.encoder(
                (values - self.mean) / self.sd, self.grid_points, self.problem.scaled_parameters(parameters)
            )
            latent = self._transformed(latent)
        return latent.with_tokens(latent.tokens.float())

    def advance(self, latent: Latent, parameters: Float[Tensor, "B P"]) -> Latent:
        """The latent one `problem.dt` later."""
        dt = torch.ones(latent.tokens.shape[0], device=latent.tokens.device)  # `len` would fix it when exported
        with self._autocast():
            advanced: Latent = self.operator(latent, dt, self.problem.scaled_parameters(parameters))
            advanced = self._transformed(advanced)
        return advanced.with_tokens(advanced.tokens.float())

    def _transformed(self, latent: Latent) -> Latent:
        for transform in self.transforms:
            latent = transform(latent)
        return latent

    def decode(
        self, latent: Latent, points: Float[Tensor, "*B Q d"], index: Int[Tensor, "*B Q"] | None = None
    ) -> Float[Tensor, "B Q C"]:
        """The fields that a latent stands for, at any points of the domain.

        `index` says which points of the flattened training grid these are, if they are; `grid_points` need none.
        """
        if points is self.grid_points:
            index = self.grid_index
        inside = self.problem.grid.wrapped(points) if index is None else points
        with self._autocast():
            values: Tensor = self.decoder(latent, inside, index)
        if values.ndim != 3 or values.shape[-1] != self.problem.num_channels:
            expected = f"(B, Q, {self.problem.num_channels})"
            raise PluginError(
                f"decoder ({class_of(self.decoder)}) gave values of shape {tuple(values.shape)}, not {expected}"
            )
        return values.float() * self.sd + self.mean

    def first(self, start: EncodedFrame, parameters: Float[Tensor, "B P"]) -> PredictedFrame:
        """The frame one `problem.dt` after a field and its latent."""
        if self.solver is not None:
            return self._solved(self.solver, start.field, start.field, parameters)
        return PredictedFrame(model=self, start=start, advanced=self.advance(start.latent, parameters))

    def _solved(
        self,
        solver: Forecast,
        field: Float[Tensor, "B N C"],
        before: Float[Tensor, "B N C"],
        parameters: Float[Tensor, "B P"],
    ) -> PredictedFrame:
        """What the solver makes of a field, corrected by the networks."""
        start = self._encoded_frame(self._step_of(solver, field, parameters), parameters)
        return PredictedFrame(model=self, start=start, advanced=self.advance(start.latent, parameters), before=before)

    def _step_of(
        self, solver: Forecast, field: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]
    ) -> Float[Tensor, "B N C"]:
        """The solver's frame after a field; its gradient is that of the field, as if the solver changed nothing.

        A field that is not finite, or further from the mean than any solver's step would be worth, stays as it is: its
        rollout has diverged, which those say who see it, and a solver might take for ever.
        """
        with torch.no_grad():
            solved = field.clone()
            far = ((field - self.mean) / self.sd).abs().amax((1, 2))
            sound = (far < FARTHEST_SOLVED).nonzero()[:, 0]  # not so where one is no number
            if len(sound):
                solved[sound] = solver(field[sound], 1, self.problem.grid, parameters[sound])[:, 0]
        return field + (solved - field).detach()

    def next(self, frame: PredictedFrame, parameters: Float[Tensor, "B P"], *, cut: bool = False) -> PredictedFrame:
        """The frame one `problem.dt` after a predicted one; cut, no gradient flows back into that.

        With `rollout = "latent"` the operator goes on from the latent that it reached; with `"field"` the frame is
        decoded on the training grid and encoded again, which puts it back among the latents that fields have.
        With `corrects` the solver goes on from its own frame (`"latent"`) or from the corrected one (`"field"`).
        """
        if self.settings.rollout == "field":
            field = frame.on_grid.detach() if cut else frame.on_grid
            if self.solver is not None:
                return self._solved(self.solver, field, field, parameters)
            return self.first(self._encoded_frame(field, parameters), parameters)
        if self.solver is not None:
            return self._solved(self.solver, frame.start.field, frame.before, parameters)
        latent = frame.advanced.with_tokens(frame.advanced.tokens.detach()) if cut else frame.advanced
        return evolve(frame, advanced=self.advance(latent, parameters))

    def _encoded_frame(self, field: Float[Tensor, "B N C"], parameters: Float[Tensor, "B P"]) -> EncodedFrame:
        return EncodedFrame(model=self, field=field, latent=self.encode(field, parameters))

    def predict(
        self,
        frames: Sequence[PredictedFrame],
        points: Float[Tensor, "*B Q d"],
        index: Int[Tensor, "*B Q"] | None = None,
    ) -> Float[Tensor, "B frames Q C"]:
        """The fields of predicted frames, at any points, the same for all samples or each sample's own.

        With `predicts = "change"` a frame is u(x) + D(z, x) − D(z_start, x), where u is the start's field, between grid
        points its cubic interpolation: an operator that changes nothing gives u exactly. With `"state"` a frame is
        D(z, x). `index` as in `decode`.
        Guards correct a frame on the training grid; between its points the correction is interpolated.
        """
        values = self._unguarded(frames, points, index)
        if not self.guards:
            return values
        on_grid = values if points is self.grid_points else self._unguarded(frames, self.grid_points)
        corrected = torch.stack(
            [self._corrected(on_grid[:, number], frame.before) for number, frame in enumerate(frames)], dim=1
        )
        if points is self.grid_points:
            return corrected
        corrections = self._read_at((corrected - on_grid).unbind(1), points, index)
        return values + torch.stack(corrections, dim=1)

    def _corrected(self, values: Float[Tensor, "B N C"], before: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        for guard in self.guards:
            values = guard(values, before)
        return values

    def _unguarded(
        self,
        frames: Sequence[PredictedFrame],
        points: Float[Tensor, "*B Q d"],
        index: Int[Tensor, "*B Q"] | None = None,
    ) -> Float[Tensor, "B frames Q C"]:
        """The fields of predicted frames as the decoder gives them."""
        advanced = self._decode_all([frame.advanced for frame in frames], points, index)
        if self.settings.predicts == "state":
            return advanced
        known = self._read_at([frame.start.field for frame in frames], points, index)
        starts = [frame.start.decoded(points, index) for frame in frames]
        return torch.stack(known, dim=1) + advanced - torch.stack(starts, dim=1)

    def _read_at(
        self,
        fields: Sequence[Float[Tensor, "B N C"]],
        points: Float[Tensor, "*B Q d"],
        index: Int[Tensor, "*B Q"] | None,
    ) -> list[Float[Tensor, "B Q C"]]:
        """Fields on the training grid at points: picked from it, or interpolated."""
        if points is self.grid_points:
            return list(fields)
        if index is not None:
            return [picked(field, index) for field in fields]
        interpolate = cubic_stencil(self.problem.grid, self.problem.grid.wrapped(points))
        return [interpolate(field) for field in fields]

    def _decode_all(
        self, latents: Sequence[Latent], points: Float[Tensor, "*B Q d"], index: Int[Tensor, "*B Q"] | None
    ) -> Float[Tensor, "B frames Q C"]:
        """Several latents of one batch in a single pass of the decoder."""
        stacked = latents[0].with_tokens(torch.cat([latent.tokens for latent in latents]))
        if points.ndim == 3:
            points = points.repeat(len(latents), 1, 1)
            index = None if index is None else index.repeat(len(latents), 1)
        return torch.unflatten(self.decode(stacked, points, index), 0, (len(latents), -1)).transpose(0, 1)

    @torch.no_grad()
    def rollout(
        self,
        start: Float[Tensor, "B N C"],
        steps: int,
        *,
        at: Float[Tensor, "Q d"] | None = None,
        parameters: Float[Tensor, "B P"] | None = None,
    ) -> Float[Tensor, "B T Q C"]:
        """The fields 1 … `steps` time steps after `start`, at the training grid or at any points.

        `start` holds the fields on the training grid `problem.grid`; `parameters` those of the PDE, which may be left
        out where the training data had one value of each. Points are decoded piece by piece, so that a million take
        little more memory than what is returned. Raises RunError if a shape does not fit.
        """
        start = start.to(self.grid_points)
        parameters = self._checked_parameters(start, parameters)
        points = None if at is None else at.to(self.grid_points)
        dims = self.grid_points.shape[1]
        if points is not None and (points.ndim != 2 or points.shape[1] != dims):
            raise RunError(f"at has shape {tuple(points.shape)}; expected (points, {dims})")
        if steps < 1:
            raise RunError(f"steps is {steps}; expected 1 or more")
        pieces = None if points is None else _pieces(points, max(1, MOST_DECODED // max(1, len(start))))
        frame = self.first(self._encoded_frame(start, parameters), parameters)
        fields = [self._field(frame, pieces)]
        for _ in range(steps - 1):
            frame = self.next(frame, parameters)
            fields.append(self._field(frame, pieces))
        return torch.stack(fields, dim=1)

    def _field(self, frame: PredictedFrame, pieces: Sequence[Float[Tensor, "q d"]] | None) -> Float[Tensor, "B Q C"]:
        """A frame at points that come in pieces, or on the training grid."""
        if pieces is None:
            return frame.on_grid
        fields = [self.predict([frame], points)[:, 0] for points in pieces]
        return fields[0] if len(fields) == 1 else torch.cat(fields, dim=1)

    def save(self, path: Path) -> None:
        """Write everything that is needed to use the simulator."""
        torch.save(self.payload(), path)

    def payload(self) -> dict[str, Any]:
        """What a saved simulator holds: plain values and tensors only."""
        return {"schema": _SCHEMA, "description": dict(self.description), "state": self.state_dict()}

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device = "cpu") -> Self:
        """Read a simulator. The plugins that its parts come from must be installed.

        Raises RunError if the file is no simulator, RecipeError that names the part whose plugin is missing.
        """
        from ups_framework.engine.build import rebuild_simulator

        try:
            payload = torch.load(path, map_location="cpu", weights_only=True)
        except OSError as error:
            raise RunError(f"{path}: cannot be read ({error.strerror})") from error
        except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            raise RunError(f"{path}: is damaged, or no file that ups wrote ({type(error).__name__})") from error
        expected = {"schema", "description", "state"}
        if not isinstance(payload, dict) or not expected <= payload.keys() or payload["schema"] != _SCHEMA:
            raise RunError(f"{path}: not a simulator of schema {_SCHEMA}; it may be a checkpoint or of another version")
        simulator = rebuild_simulator(payload["description"])
        try:
            simulator.load_state_dict(payload["state"])
        except (RuntimeError, TypeError) as error:
            raise RunError(
                f"{path}: its weights do not fit the parts that the installed plugins make; install the versions that "
                "trained it (environment.json of its run tells which)"
            ) from error
        assert isinstance(simulator, cls)
        return simulator.to(device).eval()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.mean.device.type, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16)

    def _checked_parameters(self, start: Tensor, parameters: Tensor | None) -> Tensor:
        """The parameters of each sample; RunError if they or the start do not fit the problem."""
        expected = (self.problem.grid.num_points, self.problem.num_channels)
        if start.ndim != 3 or tuple(start.shape[1:]) != expected:
            raise RunError(f"start has shape {tuple(start.shape)}; expected (batch, {expected[0]}, {expected[1]})")
        known = self.problem.parameters
        if parameters is None:
            varying = [parameter.name for parameter in known if parameter.low != parameter.high]
            if varying:
                raise RunError(f"parameters are missing: give {', '.join(varying)} for each sample")
            return start.new_tensor([parameter.low for parameter in known]).expand(len(start), -1)
        if parameters.shape != (len(start), len(known)):
            raise RunError(f"parameters have shape {tuple(parameters.shape)}; expected ({len(start)}, {len(known)})")
        return parameters.to(start)


def _pieces(points: Float[Tensor, "Q d"], most: int) -> Sequence[Float[Tensor, "q d"]]:
    """At most so many points each; the same tensor where it is small enough."""
    return (points,) if len(points) <= most else points.split(most)
