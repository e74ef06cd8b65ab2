"""The ends of the axes: what the field does there, and how far that is from the boundary condition."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Axis, Grid, Problem, SpecError

Sides = Literal["all", "lower", "upper"]
End = Literal["lower", "upper"]


@frozen(kw_only=True)
class Face:
    """One end of one axis of the domain."""

    axis: int
    """Which axis."""

    end: End
    """Which end of it."""


@frozen(kw_only=True, eq=False)
class Layers:
    """Fields on some layers of points parallel to a face."""

    values: Float[Tensor, "B T S F C"]
    """The fields on S layers of F points each."""

    distances: tuple[float, ...]
    """Distance of each layer from the face, in spacings of the grid."""


def faces(problem: Problem, axis: str | None, sides: Sides) -> tuple[tuple[Face, ...], ...]:
    """The faces on which conditions are checked, grouped by axis: the two ends of a periodic axis are one condition.

    Raises SpecError on `axis` if there is no such axis or it has too few points, on `sides` if no axis has such a wall.
    """
    names = [item.name for item in problem.axes]
    if axis is not None and axis not in names:
        raise SpecError("axis", f"{problem.name} has no axis {axis!r} (it has: {', '.join(names)})")
    ends: tuple[End, ...] = ("lower", "upper") if sides == "all" else (sides,)
    groups = []
    for index, item in enumerate(problem.axes):
        if axis in (None, item.name) and (sides == "all" or not item.periodic):
            _check_points(problem.grid, index)
            groups.append(tuple(Face(axis=index, end=end) for end in ends))
    if not groups:
        along = axis or ", ".join(names)
        raise SpecError("sides", f"no {sides} wall along {along}: a periodic axis joins its ends, use 'all'")
    return tuple(groups)


def violations(
    read: Callable[[Face], Layers], groups: Sequence[Sequence[Face]], grid: Grid
) -> Float[Tensor, "B T F C"]:
    """The violations on all faces, given the fields near each of them."""
    found = []
    for group in groups:
        axis, spacing = grid.axes[group[0].axis], grid.spacing[group[0].axis]
        traces = [trace(read(face), face, axis) for face in group]
        found.append(violation(traces, axis, spacing))
    return torch.cat(found, dim=2)


def violation(traces: Sequence[Float[Tensor, "B T F C"]], axis: Axis, spacing: float) -> Float[Tensor, "B T F C"]:
    """How far the traces at the ends of an axis are from its boundary condition, in the fields' units.

    Dirichlet: u - wall. Neumann: h ∂u/∂x - h · wall, with the spacing h. Periodic: u(upper) - u(lower).
    """
    if axis.boundary == "periodic":
        lower, upper = traces
        return upper - lower
    wall = axis.wall if axis.boundary == "dirichlet" else axis.wall * spacing
    return torch.cat(list(traces), dim=2) - wall


def trace(layers: Layers, face: Face, axis: Axis) -> Float[Tensor, "B T F C"]:
    """What the boundary condition is about: the field at the face, or h ∂u/∂x there for Neumann walls.

    Exact for polynomials across the face of a degree below the number of layers.
    """
    neumann = axis.boundary == "neumann"
    weights = one_sided_weights(layers.distances, derivative=1 if neumann else 0)
    if neumann and face.end == "upper":
        weights = -weights  # distances grow against the axis there
    return torch.einsum("s,btsfc->btfc", weights.to(layers.values), layers.values)


def one_sided_weights(distances: Sequence[float], *, derivative: Literal[0, 1]) -> Float[Tensor, " S"]:
    """Weights w with Σ_j w_j p(s_j) = p(0), or p'(0), for every polynomial p of degree below S; in float64."""
    nodes = torch.tensor(distances, dtype=torch.float64)
    powers = torch.stack([nodes**degree for degree in range(len(nodes))])
    wanted = torch.zeros_like(nodes)
    wanted[derivative] = 1.0
    weights: Tensor = torch.linalg.solve(powers, wanted)
    return weights


def points_at(grid: Grid, face: Face, distances: Sequence[float]) -> Float[Tensor, "S F d"]:
    """Coordinates at the given distances from a face, in spacings; along the face, those of the grid's points."""
    inward = grid.spacing[face.axis] * torch.tensor(distances, dtype=torch.float64)
    axis = grid.axes[face.axis]
    coordinates = [grid.coordinates(index) for index in range(len(grid.axes))]
    coordinates[face.axis] = axis.lower + inward if face.end == "lower" else axis.upper - inward
    mesh = torch.stack(torch.meshgrid(*coordinates, indexing="ij"), dim=-1)
    return mesh.movedim(face.axis, 0).reshape(len(inward), -1, len(grid.axes)).float()


def layers_at(values: Float[Tensor, "B T N C"], grid: Grid, face: Face, count: int) -> Layers:
    """The `count` layers of grid points nearest to a face, nearest first."""
    dim, inward = 2 + face.axis, torch.arange(count, device=values.device)
    index = inward if face.end == "lower" else grid.shape[face.axis] - 1 - inward
    layers = grid.unflatten(values).index_select(dim, index).movedim(dim, 2)
    return Layers(
        values=layers.reshape(*values.shape[:2], count, -1, values.shape[-1]),
        distances=layer_distances(grid, face, count),
    )


def layer_distances(grid: Grid, face: Face, count: int) -> tuple[float, ...]:
    """Distances of the `count` nearest layers of grid points from a face, in spacings, nearest first."""
    offset = grid.offset[face.axis]
    nearest = offset if face.end == "lower" else 1 - offset
    return tuple(nearest + layer for layer in range(count))


def _check_points(grid: Grid, index: int) -> None:
    axis, n = grid.axes[index], grid.shape[index]
    if n < 3:
        raise SpecError("axis", f"{axis.name!r} has {n} points on the training grid, its walls need at least 3")
