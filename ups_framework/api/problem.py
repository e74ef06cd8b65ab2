"""What is simulated: fields on a grid over a domain, their boundary, time step and parameters.

Everything here but a problem's `residual` is plain data, so that a problem is saved inside a simulator's file and read
back without the plugin that declared it.
"""

import math
from collections.abc import Callable
from typing import Literal

import attrs
import torch
from attrs import frozen, validators
from jaxtyping import Float, Int
from torch import Tensor

from ups_framework.errors import SpecError

Boundary = Literal["periodic", "dirichlet", "neumann"]


@frozen(kw_only=True)
class Axis:
    """One axis of space and what holds at its two ends."""

    name: str
    """Name in pictures and tables, such as `x`."""

    lower: float = 0.0
    """Coordinate of the lower end, in `unit`."""

    upper: float = 1.0
    """Coordinate of the upper end, in `unit`."""

    unit: str = "1"
    """Unit of the coordinate; `1` where the problem is dimensionless."""

    boundary: Boundary = "periodic"
    """Periodic, or Dirichlet or Neumann walls at both ends."""

    wall: float = 0.0
    """Value of every field (Dirichlet) or of its derivative along this axis (Neumann) at both walls."""

    @property
    def length(self) -> float:
        """Distance between the ends, in `unit`."""
        return self.upper - self.lower

    @property
    def periodic(self) -> bool:
        """Whether the upper end is the lower end."""
        return self.boundary == "periodic"


@frozen(kw_only=True)
class Grid:
    """A uniform grid: point `i` of an axis lies at `lower + (offset + i) · spacing`, with `spacing = length / n`."""

    axes: tuple[Axis, ...]
    """The axes, in the order in which points are flattened: the last one runs fastest."""

    shape: tuple[int, ...] = attrs.field()
    """Number of points along each axis."""

    offset: tuple[float, ...] = attrs.field()
    """Distance of the first point from the lower end in spacings, in [0, 1): 0.5 for cell centres."""

    @shape.validator
    @offset.validator
    def _one_entry_an_axis(self, attribute: object, value: tuple[float, ...]) -> None:
        assert len(value) == len(self.axes), f"{value} has not one entry for each of {len(self.axes)} axes"

    @property
    def num_points(self) -> int:
        """Points of the whole grid, N."""
        return math.prod(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance between neighbouring points of each axis, in the axis' unit."""
        return tuple(axis.length / n for axis, n in zip(self.axes, self.shape, strict=True))

    def coordinates(self, axis: int) -> Float[Tensor, " n"]:
        """Coordinates of the points along one axis, in float64."""
        index = torch.arange(self.shape[axis], dtype=torch.float64)
        return self.axes[axis].lower + (self.offset[axis] + index) * self.spacing[axis]

    def points(self) -> Float[Tensor, "N d"]:
        """Coordinates of all points in flattened order, in float32."""
        mesh = torch.meshgrid(*(self.coordinates(axis) for axis in range(len(self.axes))), indexing="ij")
        return torch.stack([coordinate.flatten() for coordinate in mesh], dim=-1).float()

    def wrapped(self, points: Float[Tensor, "*B Q d"]) -> Float[Tensor, "*B Q d"]:
        """The same points with coordinates of periodic axes between `lower` and `upper`: both ends are one point."""
        columns = [
            axis.lower + torch.remainder(column - axis.lower, axis.length) if axis.periodic else column
            for axis, column in zip(self.axes, points.unbind(dim=-1), strict=True)
        ]
        return torch.stack(columns, dim=-1)

    def nearest(self, points: Float[Tensor, "... d"]) -> Int[Tensor, "..."]:
        """The flattened number of the grid point nearest to each point of the domain."""
        number = torch.zeros(points.shape[:-1], dtype=torch.long, device=points.device)
        for axis, n, spacing, offset, column in zip(
            self.axes, self.shape, self.spacing, self.offset, points.unbind(-1), strict=True
        ):
            step = ((column - axis.lower) / spacing - offset).round().long()
            number = number * n + (step % n if axis.periodic else step.clamp(0, n - 1))
        return number

    def unflatten(self, values: Float[Tensor, "... N C"]) -> Float[Tensor, "... C"]:
        """The same values with one dimension an axis in place of N."""
        return torch.unflatten(values, -2, self.shape)

    def subsample(self, every: int) -> "Grid":
        """The grid of every `every`-th point along each axis, beginning with the first."""
        for axis, n in zip(self.axes, self.shape, strict=True):
            if n % every:
                raise SpecError("points", f"the {n} points along {axis.name} do not divide by {every}")
        shape = tuple(n // every for n in self.shape)
        return Grid(axes=self.axes, shape=shape, offset=tuple(offset / every for offset in self.offset))


@frozen(kw_only=True)
class Field:
    """One physical field: a scalar, or a vector with several components."""

    name: str
    """Name in recipes, metrics and pictures, such as `u` or `velocity`."""

    unit: str = "1"
    """Unit of its values; `1` where the problem is dimensionless."""

    components: int = 1
    """Channels that it takes: 1 for a scalar; for a vector one an axis, in the order of the axes."""


@frozen(kw_only=True)
class Parameter:
    """One parameter of the PDE, the same in space and time, that may differ between trajectories."""

    name: str
    """Name, such as `viscosity`."""

    low: float
    """Smallest value in the data."""

    high: float
    """Largest value in the data."""

    scale: Literal["linear", "log"] = "linear"
    """Whether equal steps or equal ratios matter equally."""

    unit: str = "1"
    """Unit of the value."""

    def __attrs_post_init__(self) -> None:
        if not self.low <= self.high:
            raise SpecError(self.name, f"goes from {self.low:g} to {self.high:g}: the first is to be the smaller one")
        if self.scale == "log" and self.low <= 0:
            raise SpecError(
                self.name, f"has a logarithmic scale, and {self.low:g} has no logarithm: it is to be above 0"
            )

    def holds(self, values: Float[Tensor, "*n"]) -> bool:
        """Whether all lie between `low` and `high`, but for rounding."""
        low, high = self.low - 1e-5 * abs(self.low), self.high + 1e-5 * abs(self.high)
        return bool(((values >= low) & (values <= high)).all())


@frozen(kw_only=True)
class Quantity:
    """An integral over the domain, ∫ Σ_c |f_c|^power dx over the components of one field."""

    name: str
    """Name, such as `mass` or `energy`."""

    field: str
    """Name of the field."""

    power: int = attrs.field(default=1, validator=validators.in_((1, 2)))
    """1 for the integral of the field itself (of each component for a vector), 2 for that of its square."""

    tolerance: float = 1e-3
    """How far it may drift in true trajectories, relative to ∫ Σ_c |f_c|^power dx at the start."""


Residual = Callable[
    [Float[Tensor, "B T N C"], Grid, float, Float[Tensor, "B P"]],
    Float[Tensor, "B T-1 M C"],
]
"""Takes frames, their grid, the time between them and parameters; gives what each frame but the first misses when the
equation advances the one before it, in the fields' units, at M points (walls may have none). 0 for exact frames up to
the error of the scheme; torch operations only, so that it can be trained on."""


@frozen(kw_only=True)
class Problem:
    """What a simulator simulates. All parts of a recipe are built for one problem."""

    name: str
    """Name of the equation, such as `burgers`: a component that knows only one equation checks it."""

    fields: tuple[Field, ...]
    """The evolving fields, in the order of their channels."""

    grid: Grid
    """The grid on which the simulator is trained and which its initial values must have."""

    dt: float
    """Time between two frames of the training data."""

    parameters: tuple[Parameter, ...] = ()
    """Parameters of the PDE, in the order in which tensors hold them."""

    conserved: tuple[Quantity, ...] = ()
    """Integrals that stay what they were at the start, given the equation and the boundary."""

    dissipated: tuple[Quantity, ...] = ()
    """Integrals that never grow from one frame to the next, given the equation and the boundary."""

    residual: Residual | None = attrs.field(default=None, eq=False, repr=False)
    """How well frames keep the equation, where it is known. Not saved with a simulator."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the domain."""
        return self.grid.axes

    @property
    def num_channels(self) -> int:
        """Components of all fields together, C."""
        return sum(field.components for field in self.fields)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """One name a channel: `u`, or `velocity_x`, `velocity_y` for a vector."""
        names: list[str] = []
        for item in self.fields:
            suffixes = [""] if item.components == 1 else [f"_{axis.name}" for axis in self.axes]
            names += [item.name + suffix for suffix in suffixes]
        return tuple(names)

    def channels(self, name: str) -> slice:
        """The channels of the field called `name`; SpecError on `field` if the problem has no such field."""
        start = 0
        for item in self.fields:
            if item.name == name:
                return slice(start, start + item.components)
            start += item.components
        known = ", ".join(item.name for item in self.fields)
        raise SpecError("field", f"{self.name} has no field {name!r} (it has: {known})")

    def scaled_parameters(self, parameters: Float[Tensor, "B P"]) -> Float[Tensor, "B P"]:
        """Parameters mapped to [-1, 1] over their range in the data (0 where the range is one value)."""
        columns = []
        for index, parameter in enumerate(self.parameters):
            value = parameters[:, index]
            low, high = parameter.low, parameter.high
            if parameter.scale == "log":
                value, low, high = value.log(), math.log(low), math.log(high)
            half_range = (high - low) / 2
            columns.append((value - (low + high) / 2) / half_range if half_range > 0 else torch.zeros_like(value))
        return torch.stack(columns, dim=1) if columns else parameters
