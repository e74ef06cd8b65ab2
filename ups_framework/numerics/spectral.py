"""Fourier calculus on periodic grids of any dimension.

The one place that pairs array dimensions with axes of space: a field's last d dimensions are the grid's axes in their
order, so dimension −d is `grid.axes[0]` ("ij" indexing), and its transform has the layout of `torch.fft.rfftn`, in
which only the last dimension is halved. Factors below have that layout, multiply a transform, and are in double
precision.
"""

import math

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from ups_framework.api import Grid, SpecError


class Spectral:
    """Transforms of fields on one grid, and what derivatives are there: factors."""

    def __init__(self, grid: Grid, device: torch.device) -> None:
        """Raises SpecError if an axis has walls: its fields have no Fourier series."""
        for axis in grid.axes:
            if not axis.periodic:
                raise SpecError("boundary", f"Fourier calculus needs periodic axes, but {axis.name} is {axis.boundary}")
        self.grid = grid
        self._device = device
        self._dims = tuple(range(-len(grid.shape), 0))

    def forward(self, u: Float[Tensor, "*batch_grid"]) -> Complex[Tensor, "*batch_modes"]:
        """The transform of fields."""
        u_hat: Tensor = torch.fft.rfftn(u, dim=self._dims)
        return u_hat

    def inverse(self, u_hat: Complex[Tensor, "*batch_modes"]) -> Float[Tensor, "*batch_grid"]:
        """The fields of a transform."""
        u: Tensor = torch.fft.irfftn(u_hat, s=self.grid.shape, dim=self._dims)
        return u

    def mode(self, axis: int) -> Float[Tensor, "*ones_modes"]:
        """Signed number m of waves along one axis, in a shape that broadcasts with a transform."""
        n, d = self.grid.shape[axis], len(self.grid.shape)
        frequencies = torch.fft.rfftfreq if axis == d - 1 else torch.fft.fftfreq
        m: Tensor = frequencies(n, d=1 / n, dtype=torch.float64, device=self._device)
        return m.view([-1 if other == axis else 1 for other in range(d)])

    def wavenumber(self, axis: int) -> Float[Tensor, "*ones_modes"]:
        """Wavenumber k = 2π m / length along one axis, in radians per unit of the axis."""
        return 2 * math.pi / self.grid.axes[axis].length * self.mode(axis)

    def derivative(self, axis: int) -> Complex[Tensor, "*ones_modes"]:
        """Factor i k of ∂ along one axis. The mode of two points a wave, whose slope at the points is 0, gets 0."""
        two_points_a_wave = 2 * self.mode(axis).abs() == self.grid.shape[axis]
        return 1j * self.wavenumber(axis).masked_fill(two_points_a_wave, 0.0)

    def laplacian(self) -> Float[Tensor, "*modes"]:
        """Factor −|k|² of ∇²."""
        squares = [self.wavenumber(axis) ** 2 for axis in range(len(self.grid.shape))]
        return -sum(squares, start=torch.zeros(1, dtype=torch.float64, device=self._device))

    def inverse_laplacian(self) -> Float[Tensor, "*modes"]:
        """Factor −1/|k|² of ∇⁻², which gives the solution of zero mean and ignores the mean of its right-hand side."""
        laplacian = self.laplacian()
        return torch.where(laplacian == 0, 0.0, 1 / laplacian)

    def alias_free(self) -> Bool[Tensor, "*modes"]:
        """Modes below a third of the points of every axis: a product of two fields that have no others is exact there.

        Orszag's two-thirds rule (J. Atmos. Sci. 28, 1971): drop the other modes of a product to keep it so.
        """
        mask = torch.ones(1, dtype=torch.bool, device=self._device)
        for axis, n in enumerate(self.grid.shape):
            mask = mask & (3 * self.mode(axis).abs() < n)
        return mask
