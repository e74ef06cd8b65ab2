"""No rougher than the truth: as a loss term and as a metric."""

import math
from functools import partial
from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, LossTerm, Measure, Metric, OnTruth, Problem, Step, Term
from ups_framework.numerics.derivative import gradient_square
from ups_physics_priors.divergence import gradient_size
from ups_physics_priors.size import FLOOR, per_channel, root_mean_square
from ups_physics_priors.tables import chosen, table


@frozen(kw_only=True)
class Smoothness(LossTerm):
    """Root mean square of the gradient norm's excess over the truth's own, relative to that of the sample's own start.

    sqrt of the mean over predicted frames and channels, averaged over samples, of
    ( max(‖∇û_k‖ − ‖∇u_k‖, 0) / ‖∇u₀‖ )²

    ‖∇f‖² is the mean over grid points of Σ_a (∂f/∂x_a)², with u_k the true frame of the same step and ‖∇u₀‖ that of all
    components of the channel's field. Being one norm a frame, it asks nothing where the truth's own fronts are steep,
    and is the same on any grid that resolves the field. Nothing to predict gives 0.

    It cannot tell where a prediction is rough: wiggles hide behind a front that is smeared as much. A field that is too
    smooth costs nothing. Not for samples that start uniform, ‖∇u₀‖ = 0. Good values: `share = 0.02`; a raw value of
    0.01 is an excess of 1 % of the start's gradient.
    """

    whole_grid: ClassVar[bool] = True
    on_truth: ClassVar[OnTruth] = "zero"
    one_sided: ClassVar[bool] = True

    field: str | None = None
    """Name of one field; all fields if it is left out."""

    def build(self, problem: Problem) -> Term:
        """The term; SpecError on `field` if the problem has no such field."""
        channels = chosen(problem, self.field)

        def term(step: Step) -> Float[Tensor, ""]:
            if step.num_steps == 0:
                return step.truth.new_zeros(())
            truth, start = step.truth[:, 1:], step.truth[:, 0]
            found = excess(step.prediction_on_grid, truth, start, problem, problem.grid)
            return root_mean_square(found[..., channels])

        return term


@frozen(kw_only=True)
class Roughness(Metric):
    """How much rougher than the truth, sqrt( mean (max(‖∇û_k‖ − ‖∇u_k‖, 0) / ‖∇u₁‖)² ): the functional of `smoothness`.

    The mean is over trajectories, relative to the gradient of the channel's field in the first true frame. Channels of
    fields that are not named have 0. It says nothing of where, and a prediction that is too smooth has 0. No unit: 0.01
    is 1 % of that gradient.
    """

    field: str | None = None
    """Name of one field; all fields if it is left out."""

    def build(self, problem: Problem) -> Measure:
        """The measure; SpecError on `field` if the problem has no such field."""
        channels = chosen(problem, self.field)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            found = excess(prediction, truth, truth[:, 0], problem, grid)[..., channels]
            return table(found[:, :, None], channels, problem.num_channels)

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm | None:
        """3 sin 2πx where the truth is sin 2πx, x in lengths of the domain: 2 / √m with m components."""
        if not problem.axes[0].periodic:
            return None
        wave = (2 * math.pi * problem.grid.points()[:, :1] / problem.axes[0].length).sin()
        truth = wave.expand(2, 2, -1, problem.num_channels).contiguous()
        components = [field.components for field in problem.fields for _ in range(field.components)]
        channels, value = chosen(problem, self.field), truth.new_zeros(2, problem.num_channels)
        value[:, channels] = (2 / torch.tensor(components).sqrt())[channels]
        return ClosedForm(prediction=3 * truth, truth=truth, value=value)


def excess(
    frames: Float[Tensor, "B T N C"],
    truth: Float[Tensor, "B T N C"],
    start: Float[Tensor, "B N C"],
    problem: Problem,
    grid: Grid,
) -> Float[Tensor, "B T C"]:
    """How much the gradient norm of each channel exceeds the truth's, relative to that of its field at the start."""
    scale = per_channel(partial(gradient_size, grid=grid), start, problem)[:, None]
    return (_gradient_norm(frames, grid) - _gradient_norm(truth, grid)).clamp_min(0) / scale


def _gradient_norm(frames: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "B T C"]:
    """‖∇f‖ of each channel, with a gradient of 0 where it is 0."""
    square = gradient_square(frames.transpose(-1, -2).unsqueeze(-1), grid).mean(dim=-1)
    return square.clamp_min(FLOOR**2).sqrt()
