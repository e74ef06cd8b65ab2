"""What holds at the ends of the axes should hold for the prediction: as a loss term and as a metric."""

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, LossTerm, Measure, Metric, Problem, Step, Term
from ups_physics_priors.size import root_mean_square, size_per_channel
from ups_physics_priors.walls import Face, Layers, Sides, faces, layer_distances, layers_at, points_at, violations


@frozen(kw_only=True)
class Boundary(LossTerm):
    """Root mean square violation of the boundary conditions, relative to the size of the sample's own start.

    sqrt of the mean over predicted frames, boundary points and channels, averaged over samples, of (v / |start|)²,
    where v is, by the axis' boundary,

    - Dirichlet: u(wall) - wall,
    - Neumann: h (∂u/∂x - wall), with the slope at the wall of the parabola through the three nearest grid points,
    - periodic: u(upper end) - u(lower end).

    A value at a wall is decoded at the wall itself, a slope from the layers of grid points next to it; along a wall at
    the coordinates of the training grid, whose spacing is h. A decoder that interpolates, as `any_point` does, decodes
    the whole grid for that once more, and gives the cubic through the four layers next to the wall. |start| is the root
    mean square of the channel's field in the true frame 0. Nothing to predict gives 0.

    A decoder that wraps round satisfies the periodic condition by construction: the term is then 0 without a gradient,
    and the audit refuses it. Good values: `share = 0.05`.
    A raw value of 0.01 is a violation of 1 % of the field's size.
    """

    sides: Sides = "all"
    """Both ends of each axis, or one of them. A periodic axis joins its ends and is checked under "all" only."""

    axis: str | None = None
    """Name of one axis; all axes if it is left out."""

    def build(self, problem: Problem) -> Term:
        """The term; SpecError if there is no such axis, or none with the sides asked for."""
        groups = faces(problem, self.axis, self.sides)
        distances = {face: _decoded_at(problem.grid, face) for group in groups for face in group}
        stencils = {face: points_at(problem.grid, face, distances[face]) for face in distances}
        points = torch.cat([stencil.flatten(0, 1) for stencil in stencils.values()])
        sizes = [stencil.shape[0] * stencil.shape[1] for stencil in stencils.values()]

        def term(step: Step) -> Float[Tensor, ""]:
            if step.num_steps == 0:
                return step.truth.new_zeros(())
            decoded = torch.split(step.predict(points.to(step.truth.device)), sizes, dim=2)
            by_face = dict(zip(stencils, decoded, strict=True))

            def read(face: Face) -> Layers:
                layers = torch.unflatten(by_face[face], 2, stencils[face].shape[:2])
                return Layers(values=layers, distances=distances[face])

            scale = size_per_channel(step.truth[:, 0], problem)
            return root_mean_square(violations(read, groups, problem.grid) / scale[:, None, None])

        return term


@frozen(kw_only=True)
class BoundaryViolation(Metric):
    """Root mean square violation of the boundary conditions, relative to the size of the first true frame.

    sqrt( mean over trajectories and boundary points of (v / |truth_1|)² ), with the violation v of the loss `boundary`,
    from values on the grid: the field at a wall is extrapolated linearly from the two nearest grid points, its
    slope is that of the parabola through the three nearest, which the loss reads too. A field that is linear
    (Dirichlet, periodic) or quadratic (Neumann) near the walls is judged exactly. Otherwise even the truth has some
    violation, of second order in the spacing or higher, and a large one where a layer at the wall is thinner than the
    grid. No unit: 0.01 is 1 % of the field's size.
    """

    sides: Sides = "all"
    """Both ends of each axis, or one of them. A periodic axis joins its ends and is checked under "all" only."""

    axis: str | None = None
    """Name of one axis; all axes if it is left out."""

    def build(self, problem: Problem) -> Measure:
        """The measure; SpecError if there is no such axis, or none with the sides asked for."""
        groups = faces(problem, self.axis, self.sides)

        def measure(
            prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
        ) -> Float[Tensor, "T C"]:
            def read(face: Face) -> Layers:
                return layers_at(prediction, grid, face, 3 if grid.axes[face.axis].boundary == "neumann" else 2)

            scale = size_per_channel(truth[:, 0], problem)
            return (violations(read, groups, grid) / scale[:, None, None]).square().mean(dim=(0, 2)).sqrt()

        return measure

    def closed_form(self, problem: Problem) -> ClosedForm | None:
        """On one axis with the walls at w, u = 1 + w everywhere violates Dirichlet's condition by 1 at every wall."""
        if [axis.boundary for axis in problem.axes] != ["dirichlet"]:
            return None
        wall = problem.axes[0].wall
        truth = torch.full((3, 2, problem.grid.num_points, problem.num_channels), 2.0)
        components = [field.components for field in problem.fields for _ in range(field.components)]
        value = 1 / (2 * torch.tensor(components).sqrt())
        return ClosedForm(prediction=truth - 1 + wall, truth=truth, value=value.expand(2, -1))


def _decoded_at(grid: Grid, face: Face) -> tuple[float, ...]:
    """Where the loss needs the field, in spacings from the wall."""
    return layer_distances(grid, face, 3) if grid.axes[face.axis].boundary == "neumann" else (0.0,)
