"""Components that are sound, or have one planted fault, called like the check that has to find it."""

import os
from typing import Any, ClassVar

import torch
from attrs import frozen
from torch import Tensor, nn

from ups_framework.api import (
    Baseline,
    ClosedForm,
    Decoder,
    Encoder,
    Forecast,
    Grid,
    Latent,
    LatentSize,
    LossTerm,
    Measure,
    Metric,
    Occasion,
    OnTruth,
    Operator,
    Points,
    Problem,
    Sampler,
    Sampling,
    Step,
    Term,
)


@frozen(kw_only=True)
class Common:
    """Faults that every kind can have, planted where a component is used."""

    fault: str

    def commit(self, values: Tensor, result: Tensor) -> Tensor:
        """The result, after doing what the fault says."""
        if self.fault == "gives_the_same_numbers_whatever_was_drawn_before":
            with torch.no_grad():
                return result + torch.rand(()) * result.abs().max()
        if self.fault == "touches_nothing_global":
            os.environ["UPS_PLANTED"] = str(int(os.environ.get("UPS_PLANTED", "0")) + 1)
        if self.fault == "leaves_its_inputs_as_they_were":
            values.detach().mul_(1.5)
        if self.fault == "stays_on_the_device_of_its_inputs":
            return result.to("meta")
        return result


class _Net(nn.Module):
    """What the faulty modules share."""

    def __init__(self, fault: str, inside: int, outside: int) -> None:
        super().__init__()
        self.fault = fault
        self.layer = nn.Linear(inside, outside)
        if fault == "is_a_module_without_lazy_parameters":
            self.lazy = nn.LazyLinear(3)
        if fault == "gives_every_parameter_a_gradient":
            self.unused = nn.Parameter(torch.ones(2))
        self.plain = torch.rand(()) if fault == "is_restored_by_its_state_dict" else torch.zeros(())

    def apply_to(self, values: Tensor) -> Tensor:
        if self.fault == "works_in_float64":
            values = values.float()
            result = nn.functional.linear(values, self.layer.weight.float(), self.layer.bias.float())
        else:
            result = self.layer(values)
        if self.fault == "treats_samples_one_by_one":
            result = result + values.amax()
        return result + self.plain.to(result)


class _EncoderNet(_Net):
    def forward(self, values: Tensor, coordinates: Tensor, parameters: Tensor) -> Latent:
        tokens = self.apply_to(values.flatten(1)).unflatten(1, (8, 16))
        if self.fault == "tells_different_fields_apart":
            tokens = tokens * 0 + self.layer.bias.unflatten(0, (8, 16))
        if self.fault == "gives_a_latent_of_the_promised_shape":
            tokens = tokens[:, :-1]
        return Latent(tokens=Common(fault=self.fault).commit(values, tokens), positions=coordinates[::4])


@frozen(kw_only=True)
class FaultyEncoder(Encoder):
    """z = W u."""

    fault: str = ""

    def build(self, problem: Problem, latent: LatentSize) -> Any:
        if self.fault == "is_a_module_without_lazy_parameters":
            return lambda *_: None
        return _EncoderNet(self.fault, problem.grid.num_points * problem.num_channels, latent.tokens * latent.width)


class _OperatorNet(_Net):
    def forward(self, latent: Latent, dt: Tensor, parameters: Tensor) -> Latent:
        tokens = latent.tokens + self.apply_to(latent.tokens)
        if self.fault == "works_in_float64":
            tokens = tokens.float()
        positions = latent.positions
        if self.fault == "gives_a_latent_at_the_same_places":
            positions = positions + 0.1
        return Latent(tokens=Common(fault=self.fault).commit(latent.tokens, tokens), positions=positions)


@frozen(kw_only=True)
class FaultyOperator(Operator):
    """z + W z."""

    fault: str = ""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        net = _OperatorNet(self.fault, latent.width, latent.width)
        if self.fault != "changes_nothing_before_it_is_trained":
            nn.init.zeros_(net.layer.weight)
            nn.init.zeros_(net.layer.bias)
        return net


class _DecoderNet(_Net):
    def forward(self, latent: Latent, points: Tensor, index: Tensor | None) -> Tensor:
        if self.fault == "gives_values_of_the_promised_shape_at_any_points":
            points = points[..., :5, :]
        if self.fault == "decodes_each_point_by_itself":
            points = points - points.mean(-2, keepdim=True)
        if self.fault == "takes_points_that_differ_by_sample" and points.ndim == 3:
            points = points[0]
        if self.fault == "decodes_grid_points_by_their_index_as_by_their_place" and index is not None:
            points = points + 0.1
        turns = points / 2 if self.fault == "decodes_both_ends_of_a_periodic_axis_alike" else points
        values = self.apply_to(latent.tokens.flatten(1))[:, None] * (2 + torch.sin(2 * torch.pi * turns + 0.3))
        if self.fault == "works_in_float64":
            values = values.float()
        return Common(fault=self.fault).commit(latent.tokens, values)


@frozen(kw_only=True)
class FaultyDecoder(Decoder):
    """(W z)(2 + sin(2πx + 0.3))."""

    fault: str = ""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return _DecoderNet(self.fault, latent.tokens * latent.width, problem.num_channels)


@frozen(kw_only=True)
class FaultySampler(Sampler):
    """Half of the points, k = N / 2."""

    counts: ClassVar[bool] = True

    fault: str = ""

    def build(self, problem: Problem) -> Sampling:
        return _FaultySampling(self.fault, problem.grid)


class _FaultySampling(Sampling):
    """Begins after the point where the error was largest."""

    learns = True
    first: Tensor

    def __init__(self, fault: str, grid: Grid) -> None:
        super().__init__()
        self.fault, self.everything = fault, grid.points()
        self.register_buffer("first", torch.zeros((), dtype=torch.long))

    def observe(self, points: Points, error: Tensor) -> None:
        first = self.first + error.sum((0, 1)).argmax() + 1
        if self.fault == "is_restored_with_what_it_has_learned":
            self.first = self.first.clone()
            self.everything = self.everything.roll(int(first), 0)
            return
        self.first.copy_(first)

    def draw(self, occasion: Occasion) -> Points:
        total, draw = len(self.everything), occasion.generator
        count = occasion.count or total // 2
        index = (torch.randperm(total, generator=draw)[:count] + self.first) % total
        weights = None
        if self.fault == "draws_no_point_twice":
            index[0] = index[1]
        if self.fault == "draws_equally_many_points_each_time":
            index = index[: int(torch.randint(1, len(index), (), generator=draw))]
        if self.fault == "draws_as_many_points_as_asked":
            index = torch.arange(total // 2)
        if self.fault == "reaches_every_part_of_the_domain":
            index = torch.arange(total // 2)
        if self.fault == "keeps_means_with_its_weights":
            weights = 1 + self.everything[index, 0]
        shift = 1e-2 if self.fault == "draws_points_of_the_domain" else 0.0
        coordinates = Common(fault=self.fault).commit(occasion.truth, self.everything[index] + shift)
        return Points(coordinates=coordinates, index=index, weights=weights)


@frozen(kw_only=True)
class FaultyLoss(LossTerm):
    """mean (û − u)²."""

    on_truth: ClassVar[OnTruth] = "zero"

    fault: str = ""

    def build(self, problem: Problem) -> Term:
        common = Common(fault=self.fault)

        def term(step: Step) -> Tensor:
            if step.num_steps == 0:
                return step.reconstruction.square().mean() * 0
            error = step.prediction - step.target
            value = error.square().mean()
            if self.fault == "is_a_finite_scalar_for_any_number_of_frames":
                value = error.square().mean((1, 2, 3))
            if self.fault == "reaches_the_model":
                value = value.detach()
            if self.fault == "is_a_mean_over_the_batch":
                value = value * len(error)
            if self.fault == "says_when_it_reads_the_whole_grid":
                value = value + step.prediction_on_grid.mean() * 0
            if self.fault == "computes_in_the_precision_of_its_step":
                value = value.float()
            if self.fault == "is_on_truth_what_it_says":
                value = (step.prediction - 1.5 * step.target).square().mean()
            return common.commit(step.prediction, value)

        return term


@frozen(kw_only=True)
class FaultyMetric(Metric):
    """sqrt(mean (û − u)²)."""

    fault: str = ""

    def build(self, problem: Problem) -> Measure:
        common = Common(fault=self.fault)

        def measure(prediction: Tensor, truth: Tensor, grid: Grid) -> Tensor:
            value = (prediction - truth).square().mean((0, 2)).sqrt()
            if self.fault == "gives_one_number_a_step_and_channel":
                value = value.mean()
            if self.fault == "has_the_value_of_its_closed_form":
                value = value * 2
            if self.fault == "measures_in_the_precision_of_its_input":
                value = value.float()
            if self.fault == "calls_a_worse_prediction_worse":
                value = 1 / value
            return common.commit(truth, value)

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm | None:
        if self.fault == "states_a_closed_form":
            return None
        truth = torch.ones(2, 2, problem.grid.num_points, problem.num_channels)
        return ClosedForm(prediction=3 * truth, truth=truth, value=torch.full((2, problem.num_channels), 2.0))


@frozen(kw_only=True)
class FaultyBaseline(Baseline):
    """u(t + dt) = 0.9 u(t)."""

    fault: str = ""

    def build(self, problem: Problem) -> Forecast:
        common = Common(fault=self.fault)

        def forecast(start: Tensor, steps: int, grid: Grid, parameters: Tensor) -> Tensor:
            if self.fault == "rolls_out_as_many_steps_as_asked":
                steps += 1
            factor = 0.9 if self.fault != "goes_on_from_its_own_frames" else 1 - 0.1 * steps
            decay = factor ** torch.arange(1, steps + 1)
            frames = start[:, None] * decay[:, None, None]
            if self.fault == "treats_trajectories_one_by_one":
                frames = frames - frames.mean(0)
            return common.commit(start, frames)

        return forecast
