"""The figures behind the pictures of flows, against Taylor–Green vortices."""

import math

import pytest
import torch
from ups_navier_stokes.pictures import energy, enstrophy

from ups_framework.api import Axis, Grid


def test_energy_and_enstrophy_of_taylor_green_vortices() -> None:
    """u = cos kx sin ky, v = −sin kx cos ky with k = 2π has w = −2k cos kx cos ky: E = 1/4 and Z = k²/2."""
    grid = Grid(axes=(Axis(name="x"), Axis(name="y")), shape=(32, 32), offset=(0.0, 0.0))
    k = 2 * math.pi
    x, y = grid.points().double().unbind(1)
    w = -2 * k * torch.cos(k * x) * torch.cos(k * y)
    frames = w[None, None, :, None]
    assert energy(frames, grid).item() == pytest.approx(1 / 4, rel=1e-5)
    assert enstrophy(frames, grid).item() == pytest.approx(k**2 / 2, rel=1e-5)
