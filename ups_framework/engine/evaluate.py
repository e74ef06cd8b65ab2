"""Measurement in physical units against truth: on validation data while training, on test data at the end."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Data, Forecast, Grid, Trajectories
from ups_framework.engine.build import System
from ups_framework.engine.simulator import Simulator

_SCHEMA = 1


def forecast_of(simulator: Simulator, points: Float[Tensor, "Q d"] | None = None) -> Forecast:
    """A simulator in the form of a baseline, decoded at `points` or on the training grid."""

    def forecast(start: Tensor, steps: int, grid: Grid, parameters: Tensor) -> Tensor:
        return simulator.rollout(start, steps, at=points, parameters=parameters)

    return forecast


def reconstruction_of(simulator: Simulator) -> Callable[[Tensor, Tensor], Tensor]:
    """decode(encode(u)) of single fields (B N C) with parameters (B P)."""

    @torch.no_grad()
    def reconstruct(values: Tensor, parameters: Tensor) -> Tensor:
        return simulator.decode(simulator.encode(values, parameters), simulator.grid_points)

    return reconstruct


@frozen(kw_only=True, eq=False)
class Protocol:
    """From which frame to predict, and how many trajectories at once."""

    context: int
    """Given frames; the last of them is the start."""

    batch: int
    """Trajectories, or starts, per call."""

    def rollout(self, forecast: Forecast, data: Trajectories) -> Float[Tensor, "B T Q C"]:
        """All frames after the context, from the last given one."""
        steps = data.values.shape[1] - self.context
        starts = data.values[:, self.context - 1]
        return self._batched(lambda u, p: forecast(u, steps, data.grid, p), starts, data.parameters)

    def one_step(self, forecast: Forecast, data: Trajectories) -> Float[Tensor, "B T N C"]:
        """Each frame after the context, from the true frame before it."""
        return self._each_frame(
            lambda u, p: forecast(u, 1, data.grid, p)[:, 0], data, data.values[:, self.context - 1 : -1]
        )

    def reconstruction(self, reconstruct: Callable[[Tensor, Tensor], Tensor], data: Trajectories) -> Tensor:
        """Each frame after the context, from itself."""
        return self._each_frame(reconstruct, data, data.values[:, self.context :])

    def truth(self, data: Trajectories) -> Float[Tensor, "B T N C"]:
        """What all of these are compared with."""
        return data.values[:, self.context :].cpu()

    def _each_frame(self, single: Callable[[Tensor, Tensor], Tensor], data: Trajectories, frames: Tensor) -> Tensor:
        count = frames.shape[1]
        parameters = data.parameters.repeat_interleave(count, dim=0)
        return torch.unflatten(self._batched(single, frames.flatten(0, 1), parameters), 0, (-1, count))

    def _batched(self, call: Callable[[Tensor, Tensor], Tensor], values: Tensor, parameters: Tensor) -> Tensor:
        """`call` on pieces of the batch, gathered on the CPU."""
        pieces = zip(values.split(self.batch), parameters.split(self.batch), strict=True)
        return torch.cat([call(piece, its_parameters).cpu() for piece, its_parameters in pieces])


def protocol_of(system: System) -> Protocol:
    """The recipe's protocol."""
    settings = system.recipe.evaluation
    return Protocol(context=settings.context, batch=settings.batch)


Figure = Literal["reconstruction", "one_step", "rollout"]


def validation_prediction(
    system: System, simulator: Simulator, data: Trajectories, figure: Figure
) -> Float[Tensor, "B T N C"]:
    """What one figure of a simulator compares with the truth."""
    protocol = protocol_of(system)
    if figure == "reconstruction":
        return protocol.reconstruction(reconstruction_of(simulator), data)
    if figure == "one_step":
        return protocol.one_step(forecast_of(simulator), data)
    return protocol.rollout(forecast_of(simulator), data)


def nrmse_table(system: System, prediction: Float[Tensor, "B T N C"], data: Trajectories) -> Float[Tensor, "T C"]:
    """nRMSE of such a prediction in each frame and channel."""
    return system.metrics["nrmse"](prediction, protocol_of(system).truth(data), data.grid)


def evaluate(system: System, data: Data) -> tuple[dict[str, Any], Float[Tensor, "B T N C"]]:
    """All rows of `evaluation.json` on the test split, and the model's rollout on the training grid."""
    protocol, simulator = protocol_of(system), system.simulator.eval()
    test = on_training_grid(data)
    truth = protocol.truth(test)
    model = protocol.rollout(forecast_of(simulator), test)
    rows = {"model": _row(system, protocol.one_step(forecast_of(simulator), test), model, truth)}
    for name, baseline in system.baselines.items():
        rows[name] = _row(system, protocol.one_step(baseline, test), protocol.rollout(baseline, test), truth)
    reconstructed = protocol.reconstruction(reconstruction_of(simulator), test)
    rows["reconstruction"] = _row(system, reconstructed, reconstructed, truth)
    return {
        "schema": _SCHEMA,
        "protocol": {**data.protocol, "context": protocol.context, "predicted": truth.shape[1]},
        "rows": rows,
        "super_resolution": _super_resolution(system, data, protocol),
    }, model


def _row(system: System, one_step: Tensor, rollout: Tensor, truth: Tensor) -> dict[str, Any]:
    """All metrics of one method; by_step and by_field are the rollout's nRMSE at each frame and in each channel."""
    grid = system.problem.grid
    tables = {name: measure(rollout, truth, grid) for name, measure in system.metrics.items()}
    singles = {name: float(measure(one_step, truth, grid).mean()) for name, measure in system.metrics.items()}
    by_field = dict(zip(system.problem.channel_names, tables["nrmse"].mean(0).tolist(), strict=True))
    return {
        "one_step": singles,
        "rollout": {
            **{name: float(table.mean()) for name, table in tables.items()},
            "by_step": tables["nrmse"].mean(1).tolist(),
            "by_field": by_field,
        },
    }


def _super_resolution(system: System, data: Data, protocol: Protocol) -> dict[str, dict[str, float]]:
    """nRMSE of the rollout decoded at multiples of the training resolution, against truth of that resolution."""
    starts = on_training_grid(data)
    scores = {}
    for factor in system.recipe.evaluation.super_resolution:
        fine = data.test.subsample(_finest_factor(data) // factor)
        points = fine.grid.points().to(starts.values.device)
        prediction = protocol.rollout(forecast_of(system.simulator, points), starts)
        table = system.metrics["nrmse"](prediction, protocol.truth(fine), fine.grid)
        scores[str(factor)] = {"nrmse": float(table.mean())}
    return scores


def _finest_factor(data: Data) -> int:
    """Resolution of the test split over that of the training grid."""
    return data.test.grid.shape[0] // data.problem.grid.shape[0]


def on_training_grid(data: Data) -> Trajectories:
    """The test split as the simulator is given it."""
    return data.test.subsample(_finest_factor(data))
