"""A flow that cannot be compressed has no divergence: as a loss term and as metrics."""

import math
from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, LossTerm, Measure, Metric, Problem, SpecError, Step, Term
from ups_framework.numerics.derivative import divergence, gradient_square
from ups_physics_priors.size import FLOOR, root_mean_square


@frozen(kw_only=True)
class Divergence(LossTerm):
    """Root mean square of ∇·û relative to the gradient at the sample's own start, ‖∇·û‖ / ‖∇u₀‖.

    ‖∇u‖² is the mean over points of Σ_{a,b} (∂u_b/∂x_a)². Component a of the vector lies along axis a; derivatives are
    spectral along periodic axes and of second order between walls (`ups_framework.numerics.derivative`). The root mean
    square is taken over predicted frames and points, the mean over samples. Nothing to predict gives 0.

    Good values: `share = 0.05`. A raw value of 0.01 is a divergence of 1 % of the flow's gradient. Ask it of
    incompressible flows only. It makes the divergence small, never 0, and takes divergence from the decoder rather than
    from its cause; the guard `project_divergence_free` removes it where all axes are periodic.
    """

    whole_grid: ClassVar[bool] = True

    field: str | None = None
    """Name of a vector field of the problem; the only one if it is left out."""

    def build(self, problem: Problem) -> Term:
        """The term; SpecError on `field` if the problem has no such field, or it is no vector in its space."""
        channels = vector_channels(problem, self.field)

        def term(step: Step) -> Float[Tensor, ""]:
            if step.num_steps == 0:
                return step.truth.new_zeros(())
            scale = gradient_size(step.truth[:, 0, :, channels], problem.grid)
            found = divergence(step.prediction_on_grid[..., channels], problem.grid)
            return root_mean_square(found / scale[:, None, None])

        return term


@frozen(kw_only=True)
class DivergenceNorm(Metric):
    """Root mean square over trajectories of ‖∇·û‖ / ‖∇u₁‖, the functional of the loss `divergence`.

    Relative to the gradient of the first true frame. It stands at the channels of the vector, others have 0.
    Computed in float64, since transforms in float32 have a divergence of their own. No unit.
    """

    field: str | None = None
    """Name of a vector field of the problem; the only one if it is left out."""

    def build(self, problem: Problem) -> Measure:
        """The measure; SpecError on `field` if the problem has no such field, or it is no vector in its space."""
        channels = vector_channels(problem, self.field)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            scale = gradient_size(truth[:, 0, :, channels].double(), grid)
            relative = divergence(prediction[..., channels].double(), grid) / scale[:, None, None]
            return _at(channels, relative.square().mean((0, 2)).sqrt(), prediction)

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm | None:
        """u = (sin 2πx, 0, …) along the first axis, x in lengths of the domain: all of ∇u is ∇·u, so 1."""
        if not problem.axes[0].periodic:
            return None
        channels = vector_channels(problem, self.field)
        wave = _wave(problem, channels)
        return ClosedForm(prediction=wave, truth=wave, value=_at(channels, torch.ones(2), wave))


@frozen(kw_only=True)
class MeanAbsoluteDivergence(Metric):
    """Mean over trajectories and points of |∇·û|, in the field's unit over that of the axes, such as 1/s.

    The derivatives are those of the metric `divergence`, in float64. It stands at the channels of the vector, others
    have 0. A field that is kept in float32 has some from its last bit alone: about 5e-8 · size · points / length on a
    square of so many points a side, with the field's root mean square as its size, whatever was projected before.
    """

    field: str | None = None
    """Name of a vector field of the problem; the only one if it is left out."""

    def build(self, problem: Problem) -> Measure:
        """The measure; SpecError on `field` if the problem has no such field, or it is no vector in its space."""
        channels = vector_channels(problem, self.field)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            found = divergence(prediction[..., channels].double(), grid).abs().mean((0, 2))
            return _at(channels, found, prediction)

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm | None:
        """u = (sin kx, 0, …) with k = 2π / length has |∇·u| = k |cos kx|."""
        axis = problem.axes[0]
        if not axis.periodic:
            return None
        channels, k = vector_channels(problem, self.field), 2 * math.pi / axis.length
        wave = _wave(problem, channels)
        value = k * (k * (problem.grid.coordinates(0) - axis.lower)).cos().abs().mean()
        return ClosedForm(prediction=wave, truth=wave, value=_at(channels, value.expand(2), wave))


def _at(channels: slice, values: Float[Tensor, " T"], like: Float[Tensor, "B T N C"]) -> Float[Tensor, "T C"]:
    """A number a frame at some channels, 0 in others."""
    result = like.new_zeros(len(values), like.shape[-1])
    result[:, channels] = values[:, None].to(like)
    return result


def _wave(problem: Problem, channels: slice) -> Float[Tensor, "B T N C"]:
    """One wave along the first axis, of the component along it."""
    axis, x = problem.axes[0], problem.grid.points()[:, 0].double()
    wave = torch.zeros(2, 2, problem.grid.num_points, problem.num_channels)
    wave[..., channels.start] = (2 * math.pi / axis.length * (x - axis.lower)).sin().float()
    return wave


def gradient_size(vector: Float[Tensor, "B N d"], grid: Grid) -> Float[Tensor, " B"]:
    """‖∇u‖, never 0."""
    return gradient_square(vector, grid).mean(-1).sqrt().clamp_min(FLOOR)


def vector_channels(problem: Problem, name: str | None) -> slice:
    """Where the vector stands among the channels; SpecError on `field` if there is none, or more than one to choose."""
    vectors = [field.name for field in problem.fields if field.components == len(problem.axes) > 1]
    if name is not None and name not in vectors:
        problem.channels(name)  # says so if there is no such field at all
        raise SpecError(
            "field", f"{name!r} is no vector: it has not one component for each of {len(problem.axes)} axes"
        )
    if name is None and len(vectors) != 1:
        found = f"several: {', '.join(vectors)}; name one" if vectors else "none; take this component out"
        raise SpecError("field", f"a divergence needs a vector field, and {problem.name} has {found}")
    return problem.channels(name or vectors[0])
