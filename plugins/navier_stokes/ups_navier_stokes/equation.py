"""The equation that every flow of this plugin is a solution of, and how a problem says which terms it has."""

import math
from collections.abc import Sequence

import attrs
import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Field, Grid, Parameter, Problem, SpecError

VORTICITY, VELOCITY = "navier_stokes_vorticity", "navier_stokes_velocity"
"""Names of the problems: the same flows, seen as w or as (u, v)."""

Number = float | Tensor


@frozen(kw_only=True)
class Equation:
    """Incompressible flow in the plane with linear drag, driven by one wave.

        w_t + u w_x + v w_y = ν ∇²w − μ w + F,    F = a cos θ + b sin θ,    θ = 2π (m x / L_x + n y / L_y)

    w = ∂v/∂x − ∂u/∂y is the vorticity, x and y are distances from the lower ends of the axes, whose lengths are L. In
    velocity, u_t + (u · ∇) u = −∇p + ν ∇²u − μ u + f with ∇ · u = 0, where f is the flow without mean whose curl is F.
    A value is a number, or a tensor that broadcasts with a batch of fields.
    """

    viscosity: Number
    """ν, in length² / time."""

    drag: Number = 0.0
    """μ, in 1 / time."""

    forcing_cos: Number = 0.0
    """a, in 1 / time²."""

    forcing_sin: Number = 0.0
    """b, in 1 / time²."""

    forcing_x: Number = 0.0
    """m, waves along x: a whole number."""

    forcing_y: Number = 0.0
    """n, waves along y: a whole number."""

    def terms(self) -> dict[str, float]:
        """The viscosity, and the other values that are not 0, by name: the parameters of the problem, in this order."""
        values = {name: float(value) for name, value in attrs.asdict(self, recurse=False).items()}
        return {name: value for name, value in values.items() if value or name == "viscosity"}

    def parameters(self) -> tuple[Parameter, ...]:
        """The terms as parameters of a problem."""
        return tuple(
            Parameter(name=name, low=value, high=value, scale="log" if name == "viscosity" else "linear")
            for name, value in self.terms().items()
        )

    def forcing(self, grid: Grid, device: torch.device) -> Float[Tensor, "*batch x y"]:
        """F on a grid, in float64."""
        (x, y), (length_x, length_y) = (grid.coordinates(0), grid.coordinates(1)), (a.length for a in grid.axes)
        turns_x = (x.to(device) - grid.axes[0].lower)[:, None] / length_x * self.forcing_x
        turns_y = (y.to(device) - grid.axes[1].lower) / length_y * self.forcing_y
        theta = 2 * math.pi * (turns_x + turns_y)
        return self.forcing_cos * theta.cos() + self.forcing_sin * theta.sin()


def equation_of(names: Sequence[str], values: Sequence[Number]) -> Equation:
    """The equation with these parameters: those of a problem, and a trajectory's values of them."""
    return Equation(**dict(zip(names, values, strict=True)))


def parameter_names(problem: Problem) -> tuple[str, ...]:
    """Names of a problem's parameters; SpecError on `use` if it is another equation than this one."""
    require_flow(problem)
    return tuple(parameter.name for parameter in problem.parameters)


def require_flow(problem: Problem) -> None:
    """SpecError on `use` if the problem is no flow on the torus, in vorticity or velocity."""
    if problem.name not in (VORTICITY, VELOCITY):
        known = f"{VORTICITY!r} and {VELOCITY!r}"
        raise SpecError("use", f"knows flows on the torus only ({known}), but the data is about {problem.name!r}")


def field_of(fields: str) -> tuple[str, Field]:
    """Name of the problem that sees flows as `vorticity` or `velocity`, and its field."""
    if fields == "velocity":
        return VELOCITY, Field(name="velocity", components=2)
    return VORTICITY, Field(name="vorticity")
