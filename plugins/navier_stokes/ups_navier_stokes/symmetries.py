"""Maps from flows on the torus to other flows on it."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ups_framework.api import Grid, Symmetry
from ups_navier_stokes.equation import Equation


def shift(
    values: Float[Tensor, "B T N C"], grid: Grid, dt: float, generator: torch.Generator
) -> Float[Tensor, "B T N C"]:
    """Every trajectory moved by its own random number of whole points along both axes, which is exact on the torus."""
    del dt  # the equation is the same everywhere, at every speed
    num_x, num_y = grid.shape
    return _moved(values, grid, _random(num_x, values, generator), _random(num_y, values, generator))


def shifts(equation: Equation) -> Symmetry:
    """`shift` without forcing; with it, moves by whole points along the crests of its wave, which stays as it is."""
    if "forcing_cos" not in equation.terms() and "forcing_sin" not in equation.terms():
        return shift
    m, n = int(equation.forcing_x), int(equation.forcing_y)
    along_x, along_y = n // math.gcd(m, n), -m // math.gcd(m, n)

    def along_the_crests(
        values: Float[Tensor, "B T N C"], grid: Grid, dt: float, generator: torch.Generator
    ) -> Float[Tensor, "B T N C"]:
        num_x, num_y = grid.shape
        assert num_x == num_y, f"crests go through points of square grids only, not of {num_x} × {num_y}"
        by = _random(num_x, values, generator)
        return _moved(values, grid, by * along_x, by * along_y)

    return along_the_crests


def _random(n: int, values: Tensor, generator: torch.Generator) -> Int[Tensor, " B"]:
    return torch.randint(n, (len(values),), generator=generator).to(values.device)


def _moved(values: Tensor, grid: Grid, by_x: Int[Tensor, " B"], by_y: Int[Tensor, " B"]) -> Float[Tensor, "B T N C"]:
    """Each trajectory moved by its own number of points along both axes."""
    field = grid.unflatten(values)
    num_x, num_y = grid.shape
    x = ((torch.arange(num_x, device=values.device) - by_x[:, None]) % num_x)[:, None, :, None]
    y = ((torch.arange(num_y, device=values.device) - by_y[:, None]) % num_y)[:, None, None, :]
    sample = torch.arange(len(values), device=values.device)[:, None, None, None]
    frame = torch.arange(values.shape[1], device=values.device)[None, :, None, None]
    return field[sample, frame, x, y].flatten(2, 3)
