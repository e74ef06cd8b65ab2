"""What cannot be negative should not be: as a loss term and as a metric."""

from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, LossTerm, Measure, Metric, Problem, Step, Term
from ups_physics_priors.size import root_mean_square, size_per_channel
from ups_physics_priors.tables import chosen, table


@frozen(kw_only=True)
class Positivity(LossTerm):
    """Root mean square of the negative part, relative to the size of the sample's own start.

    sqrt of the mean over predicted frames, grid points and channels, averaged over samples, of (min(û, 0) / |u₀|)²,
    where |u₀| is the root mean square of the channel's field in the true frame 0. Nothing to predict gives 0.

    It sees the points of the training grid only, makes negative values smaller and seldom removes the last of them;
    what is positive has no gradient. The guard `clamp_positive` removes them on the grid. Not for fields that are
    negative in truth, such as velocities: name the field. Good values: `share = 0.05`. A raw value of 0.01 is negative
    by 1 % of the field's size.
    """

    whole_grid: ClassVar[bool] = True
    one_sided: ClassVar[bool] = True

    field: str | None = None
    """Name of a field that is never negative; all fields if it is left out."""

    def build(self, problem: Problem) -> Term:
        """The term; SpecError on `field` if the problem has no such field."""
        channels = chosen(problem, self.field)

        def term(step: Step) -> Float[Tensor, ""]:
            if step.num_steps == 0:
                return step.truth.new_zeros(())
            return root_mean_square(negative_part(step.prediction_on_grid, step.truth[:, 0], problem)[..., channels])

        return term


@frozen(kw_only=True)
class Negativity(Metric):
    """How negative predictions are, sqrt( mean (min(û, 0) / |u₁|)² ), the functional of the loss `positivity`.

    The mean is over trajectories and points, relative to the size |u₁| of the channel's field in the first true frame.
    Channels of fields that are not named have 0. It tells how negative a field is, not how often. No unit: 0.01 is 1 %
    of the field's size.
    """

    field: str | None = None
    """Name of a field that is never negative; all fields if it is left out."""

    def build(self, problem: Problem) -> Measure:
        """The measure; SpecError on `field` if the problem has no such field."""
        channels = chosen(problem, self.field)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            negative = negative_part(prediction, truth[:, 0], problem)
            return table(negative[..., channels], channels, problem.num_channels)

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm:
        """-1 at every other point where the truth is 1 everywhere: √½ of the size 1, or √m with m components."""
        truth = torch.ones(3, 2, problem.grid.num_points, problem.num_channels)
        prediction = truth.clone()
        prediction[:, :, ::2] = -1
        share = len(truth[0, 0, ::2]) / problem.grid.num_points
        channels, size = chosen(problem, self.field), size_per_channel(truth[:1, 0], problem)
        value = truth.new_zeros(2, problem.num_channels)
        value[:, channels] = (share**0.5 / size)[:, channels]
        return ClosedForm(prediction=prediction, truth=truth, value=value)


def negative_part(
    frames: Float[Tensor, "B T N C"], start: Float[Tensor, "B N C"], problem: Problem
) -> Float[Tensor, "B T N C"]:
    """min(f, 0) relative to the size of each field at the start."""
    return frames.clamp_max(0) / size_per_channel(start, problem)[:, None, None]
