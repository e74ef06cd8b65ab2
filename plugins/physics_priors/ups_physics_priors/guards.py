"""What holds by construction: corrections of every predicted frame on the training grid, in training and in use."""

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Correct, Grid, Guard, Problem, SpecError
from ups_framework.numerics.spectral import Spectral
from ups_physics_priors.conservation import conserved
from ups_physics_priors.divergence import vector_channels
from ups_physics_priors.tables import chosen


@frozen(kw_only=True)
class ProjectDivergenceFree(Guard):
    """The nearest flow without divergence, û − ∇φ with ∇²φ = ∇·û: the Helmholtz–Hodge projection, by FFT.

    In Fourier space û_a − Σ_b k_a k_b û_b / |k|², with the wavenumbers that the loss and the metric `divergence`
    differentiate by (0 for the mode of two points a wave), so that these find nothing but rounding: below 1e-5 of ‖∇u‖
    in float32 where no mean flow is much faster than its eddies. In float64 inside, so that what is left is the last
    bit of the field: a mean absolute divergence of some 5e-8 · size · points / length in float32, as true flows have
    that are kept so, and of 1e-14 in float64. The mean flow stays. Linear, and its own adjoint: gradients are projected
    likewise.

    It makes no flow right: a wrong one becomes a wrong one without divergence. Off the grid the correction is
    interpolated, and what a decoder adds between grid points is not projected. Periodic axes only. A loss `divergence`
    beside it has nothing to do. For incompressible flows only. A. J. Chorin, Math. Comp. 22 (1968).
    """

    field: str | None = None
    """Name of a vector field of the problem; the only one if it is left out."""

    def build(self, problem: Problem) -> Correct:
        """The projection; SpecError on `field` without a vector of that name, on `use` if an axis has walls."""
        channels = vector_channels(problem, self.field)
        for axis in problem.axes:
            if not axis.periodic:
                raise SpecError("use", f"this projection needs periodic axes, but {axis.name} is {axis.boundary}")

        def correct(values: Float[Tensor, "B N C"], before: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
            corrected, vector = values.clone(), values[..., channels].double()
            corrected[..., channels] = (vector - gradient_part(vector, problem.grid)).to(values)
            return corrected

        return correct


@frozen(kw_only=True)
class ProjectMean(Guard):
    """Every conserved ∫ f dx stays what it was in the frame before: f̂ + mean(f_before) − mean(f̂).

    The nearest field with that integral; exact up to rounding, over any number of steps. Gradients lose their mean.

    It moves the whole field by a constant, wherever the error was, so that a small part of it can become negative; of
    sums over a coarse grid it keeps the start's, though the truth's may move a little. Energies (p = 2) are not kept:
    for these there is the loss `conservation`, which on what is kept here has nothing to do.
    """

    quantity: str | None = None
    """Name of one conserved integral of the problem with power 1; all of them if it is left out."""

    def build(self, problem: Problem) -> Correct:
        """The shift; SpecError on `quantity` if the problem conserves no such integral of power 1."""
        linear = [quantity for quantity in conserved(problem, self.quantity) if quantity.power == 1]
        if not linear:
            wanted = self.quantity or ", ".join(quantity.name for quantity in problem.conserved)
            raise SpecError("quantity", f"a shift keeps integrals of power 1, and {wanted} is none: take it out")
        slices = [problem.channels(quantity.field) for quantity in linear]

        def correct(values: Float[Tensor, "B N C"], before: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
            corrected = values.clone()
            for channels in slices:
                missing = (before[..., channels] - values[..., channels]).mean(dim=1, keepdim=True)
                corrected[..., channels] = values[..., channels] + missing
            return corrected

        return correct


@frozen(kw_only=True)
class ClampPositive(Guard):
    """No negative values on the grid: max(f̂, 0), the nearest field that has none.

    The gradient is that of the clamp: 1 where f̂ > 0 and 0 where it cuts. A point that is cut is not trained by itself,
    only through weights that it shares with others, and a field that is negative everywhere not at all; predictions of
    a change start as the known frame, which is positive. A loss `positivity` beside it reads what is clamped already,
    and is 0.

    It adds what it cuts off to the integral: where that is conserved, `project_mean` after it puts the integral right,
    and may bring small negative values back. Off the grid the correction is interpolated, and values between grid
    points may still be negative.
    """

    field: str | None = None
    """Name of a field that is never negative; all fields if it is left out."""

    def build(self, problem: Problem) -> Correct:
        """The clamp; SpecError on `field` if the problem has no such field."""
        channels = chosen(problem, self.field)

        def correct(values: Float[Tensor, "B N C"], before: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
            corrected = values.clone()
            corrected[..., channels] = values[..., channels].clamp_min(0)
            return corrected

        return correct


def gradient_part(vector: Float[Tensor, "B N d"], grid: Grid) -> Float[Tensor, "B N d"]:
    """∇φ with ∇²φ = ∇·f and no mean: what a projection takes away."""
    spectral = Spectral(grid, vector.device)
    f_hat = spectral.forward(grid.unflatten(vector).movedim(-1, 0))
    gradient = [spectral.derivative(axis) for axis in range(len(grid.axes))]
    laplacian = sum((factor.square() for factor in gradient[1:]), start=gradient[0].square())
    inverse = (1 / laplacian).masked_fill(laplacian == 0, 0.0)
    divergence = sum(factor.to(f_hat.dtype) * part for factor, part in zip(gradient, f_hat, strict=True))
    parts = [spectral.inverse((factor * inverse).to(f_hat.dtype) * divergence) for factor in gradient]
    flattened: Tensor = torch.stack(parts, dim=-1).flatten(1, -2)
    return flattened
