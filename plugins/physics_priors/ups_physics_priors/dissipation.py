"""What the equation only ever loses should not grow: as a loss term and as a metric."""

from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import (
    ClosedForm,
    Grid,
    LossTerm,
    Measure,
    Metric,
    OnTruth,
    Problem,
    Quantity,
    SpecError,
    Step,
    Term,
)
from ups_physics_priors.conservation import relative_drift
from ups_physics_priors.size import root_mean_square
from ups_physics_priors.tables import from_second_frame, mean_square_by_channel


@frozen(kw_only=True)
class Dissipation(LossTerm):
    """Root mean square growth, from one frame to the next, of the integrals that the problem says never grow.

    sqrt of the mean over predicted frames and quantities, averaged over samples, of
    ( max(Q(û_k) − Q(û_{k−1}) − g_k, 0) / (V |u₀|^p) )²,   g_k = max(Q(u_k) − Q(u_{k−1}), 0)

    with û₀ = u₀, Q = V · mean_x of Σ_c f_c^p, such as the energy (p = 2), the volume V, which cancels, and |u₀| the
    root mean square of the field at the sample's own start. g_k is what sums over the points of a coarse grid grow by
    in the truth itself, where a front passes between them: 0 but for that. Nothing to predict gives 0.

    It does not say how fast to decay: a prediction that loses too much costs nothing, and one that grows is mended by a
    larger frame before as well as by a smaller one after. Good values: `share = 0.05`. A raw value of 0.01 with p = 2
    is a growth of 1 % of the start's energy in a step.
    """

    whole_grid: ClassVar[bool] = True
    on_truth: ClassVar[OnTruth] = "zero"
    one_sided: ClassVar[bool] = True

    quantity: str | None = None
    """Name of one quantity that the problem dissipates; all of them if it is left out."""

    def build(self, problem: Problem) -> Term:
        """The term; SpecError on `quantity` if the problem does not declare it dissipated, or nothing."""
        pairs = dissipated(problem, self.quantity)

        def term(step: Step) -> Float[Tensor, ""]:
            if step.num_steps == 0:
                return step.truth.new_zeros(())
            frames = torch.cat([step.truth[:, :1], step.prediction_on_grid], dim=1)
            return root_mean_square(
                torch.cat([growth(frames[..., c], step.truth[..., c], quantity.power) for quantity, c in pairs], dim=-1)
            )

        return term


@frozen(kw_only=True)
class DissipationGrowth(Metric):
    """What should not grow and does, sqrt( mean (max(Q(û_k) − Q(û_{k−1}) − g_k, 0) / (V |u₁|^p))² ).

    The functional of the loss `dissipation`; the mean is over trajectories, relative to the first true frame. Entry k
    compares frames k − 1 and k of the prediction; the first repeats the second, since a measure does not see the frame
    before, and is not a number if there is no second. Read it in rollouts: one-step predictions have each another
    start. Growth with p = 2 counts for every component of its field; several quantities of a field are averaged in the
    mean square; channels without one have 0. No unit: 0.01 is 1 % of the field's energy (p = 2).
    """

    quantity: str | None = None
    """Name of one quantity that the problem dissipates; all of them if it is left out."""

    def build(self, problem: Problem) -> Measure:
        """The measure; SpecError on `quantity` if the problem does not declare it dissipated, or nothing."""
        pairs = dissipated(problem, self.quantity)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            found = [(c, growth(prediction[..., c], truth[..., c], quantity.power)) for quantity, c in pairs]
            return from_second_frame(mean_square_by_channel(found, problem.num_channels).sqrt())

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm:
        """1, then 2 everywhere, where the truth stays 1, with m components: 1 / √m for p = 1, 2² - 1² for p = 2."""
        truth = torch.ones(3, 2, problem.grid.num_points, problem.num_channels)
        prediction = torch.tensor([1.0, 2.0])[None, :, None, None] * truth
        rises = [
            (c, torch.full((1, 1, 1), 3.0 if quantity.power == 2 else (c.stop - c.start) ** -0.5))
            for quantity, c in dissipated(problem, self.quantity)
        ]
        value = mean_square_by_channel(rises, problem.num_channels).sqrt().expand(2, -1)
        return ClosedForm(prediction=prediction, truth=truth, value=value)


def growth(frames: Float[Tensor, "B T N c"], truth: Float[Tensor, "B T N c"], power: int) -> Float[Tensor, "B T-1 q"]:
    """What Q grows by from one frame to the next, beyond what it does in the truth, relative to its size in the first.

    One number a component for power 1, one altogether for power 2.
    """
    predicted, true = (relative_drift(f[:, 1:], f[:, :-1], truth[:, 0], power) for f in (frames, truth))
    return (predicted - true.clamp_min(0)).clamp_min(0)


def dissipated(problem: Problem, name: str | None) -> list[tuple[Quantity, slice]]:
    """The dissipated quantity of that name, or all, with their channels; SpecError on `quantity` if there is none."""
    known = problem.dissipated
    if not known:
        raise SpecError("quantity", f"{problem.name} declares nothing that never grows: take this component out")
    found = [(quantity, problem.channels(quantity.field)) for quantity in known if name in (None, quantity.name)]
    if not found:
        names = ", ".join(quantity.name for quantity in known)
        raise SpecError("quantity", f"{problem.name} does not say that {name!r} never grows (it says so of: {names})")
    return found
