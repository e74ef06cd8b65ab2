"""What the equation conserves, the prediction should conserve: as a loss term and as a metric."""

from typing import ClassVar, Literal

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, LossTerm, Measure, Metric, Problem, Quantity, SpecError, Step, Term
from ups_physics_priors.size import root_mean_square, size
from ups_physics_priors.tables import mean_square_by_channel


@frozen(kw_only=True)
class Conservation(LossTerm):
    """Root mean square relative drift of the conserved quantities from the sample's own start.

    sqrt of the mean over predicted frames and quantities, averaged over samples, of
    ( (Q(prediction_k) - Q(start)) / (V |start|^p) )²

    Q = V · mean_x of Σ_c f_c^p is the integral over the domain of volume V (p = 1: of each component by itself), and
    |start| the root mean square of the field at the start, so that a mean near 0 divides nothing; V cancels. The
    reference is the true frame 0 of the same sample; with `reference = "truth"` it is the true frame k, so that what
    sums over a coarse grid drift by in the truth itself does not count. Nothing to predict gives 0.

    It knows the integral alone: a gain here may make up for a loss there. A decoder that adds a change of zero mean, or
    the guard `project_mean`, conserves by construction: there is no gradient then. Good values: `share = 0.05`. A raw
    value of 0.01 is a drift of 1 % of the field's size.
    """

    whole_grid: ClassVar[bool] = True

    quantity: str | None = None
    """Name of one conserved quantity of the problem; all of them if it is left out."""

    reference: Literal["start", "truth"] = "start"
    """What a drift counts from: the sample's start, as the equation says, or the truth of the same step."""

    def build(self, problem: Problem) -> Term:
        """The term; SpecError on `quantity` if the problem does not conserve it, or conserves nothing."""
        quantities = conserved(problem, self.quantity)

        def term(step: Step) -> Float[Tensor, ""]:
            if step.num_steps == 0:
                return step.truth.new_zeros(())
            start = step.truth[:, 0]
            reference = step.truth[:, 1:] if self.reference == "truth" else step.truth[:, :1]
            drifts = [
                relative_drift(step.prediction_on_grid[..., c], reference[..., c], start[..., c], quantity.power)
                for quantity, c in _with_channels(quantities, problem)
            ]
            return root_mean_square(torch.cat(drifts, dim=-1))

        return term


@frozen(kw_only=True)
class ConservationDrift(Metric):
    """Root mean square over trajectories of the relative drift of the conserved quantities, beyond the truth's own.

    sqrt( mean_b ( (Q(prediction_k) - Q(truth_k)) / (V |truth_1|^p) )² ), the functional of the loss `conservation` with
    `reference = "truth"`: against the truth of the same step k, which on a coarse grid need not conserve exactly, and
    relative to the size of the first true frame. A drift of Q with p = 2 counts for every component of its field;
    several quantities of a field are averaged in the mean square; channels of fields that conserve nothing have 0. No
    unit: 0.01 is 1 % of the field's size (p = 1) or of its energy (p = 2).
    """

    quantity: str | None = None
    """Name of one conserved quantity of the problem; all of them if it is left out."""

    def build(self, problem: Problem) -> Measure:
        """The measure; SpecError on `quantity` if the problem does not conserve it, or conserves nothing."""
        pairs = _with_channels(conserved(problem, self.quantity), problem)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            found = [
                (c, relative_drift(prediction[..., c], truth[..., c], truth[:, 0, :, c], quantity.power))
                for quantity, c in pairs
            ]
            return mean_square_by_channel(found, problem.num_channels).sqrt()

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm:
        """2 everywhere where the truth is 1, with m components: 1 / √m for p = 1 and 2² - 1² for p = 2."""
        truth = torch.ones(3, 2, problem.grid.num_points, problem.num_channels)
        drifts = [
            (c, torch.full((1, 1, 1), 3.0 if quantity.power == 2 else (c.stop - c.start) ** -0.5))
            for quantity, c in _with_channels(conserved(problem, self.quantity), problem)
        ]
        value = mean_square_by_channel(drifts, problem.num_channels).sqrt().expand(2, -1)
        return ClosedForm(prediction=2 * truth, truth=truth, value=value)


def relative_drift(
    field: Float[Tensor, "B T N c"], reference: Float[Tensor, "B _ N c"], start: Float[Tensor, "B N c"], power: int
) -> Float[Tensor, "B T q"]:
    """(Q(field) - Q(reference)) / (V |start|^power): one number a component for power 1, one altogether for power 2.

    The reference has as many frames as the field, or one for all.
    """
    drift = field.pow(power).mean(dim=2) - reference.pow(power).mean(dim=2)
    if power == 2:
        drift = drift.sum(dim=-1, keepdim=True)
    return drift / size(start).pow(power)[:, None, None]


def conserved(problem: Problem, name: str | None) -> tuple[Quantity, ...]:
    """The conserved quantity of that name, or all; SpecError on `quantity` if there is none."""
    chosen = tuple(quantity for quantity in problem.conserved if name in (None, quantity.name))
    if chosen:
        return chosen
    if not problem.conserved:
        raise SpecError("quantity", f"{problem.name} conserves nothing with this boundary: take this component out")
    known = ", ".join(quantity.name for quantity in problem.conserved)
    raise SpecError("quantity", f"{problem.name} does not conserve {name!r} (it conserves: {known})")


def _with_channels(quantities: tuple[Quantity, ...], problem: Problem) -> list[tuple[Quantity, slice]]:
    return [(quantity, problem.channels(quantity.field)) for quantity in quantities]
