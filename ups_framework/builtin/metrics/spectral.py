"""The error by wave number."""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from attrs import frozen
from jaxtyping import Float, Int
from torch import Tensor

from ups_framework.api import ClosedForm, Grid, Measure, Metric, Problem, SpecError

Band = Literal["low", "mid", "high"]

BANDS: dict[Band, slice] = {"low": slice(0, 4), "mid": slice(4, 12), "high": slice(12, None)}
"""Whole wave numbers of each band (periods over the domain, not 2π / length)."""


@frozen(kw_only=True)
class FRMSE(Metric):
    """Error in a band of wave numbers, in the field's unit: mean_{k in band} E_k.

    1-D: E_k = sqrt(mean_b |F_k(e)|²) / N with the unnormalised real FFT, k = 0 … N/2.
    d-D: E_k = sqrt(mean_b Σ |F_i(e)|²) / N, summed over the wave vectors i with 0 ≤ i_a < n_a/2 along every axis a and
    floor(|i|) = k, for k < min(n)/2.

    An error a·cos(2πkx) with k > 0 has E_k = a/2. PDEBench's convention is kept although it is odd in places:
    the domain's length is always taken as 1; the mean error (k = 0) is in the low band; the mean over trajectories is
    inside the root, unlike in RMSE; positive wave numbers stand for both signs without a factor 2; in 2-D and 3-D,
    waves that run along the other diagonals (i_x > 0 > i_y) are not seen at all, nor is k = N/2; E_k sums over a shell
    while a band is the average over its k.
    Reference: PDEBench (Takamoto et al. 2022), `metric_func`, "fRMSE".
    """

    example: ClassVar[Mapping[str, object]] = {"band": "low"}

    band: Band
    """low: k = 0 … 3; mid: k = 4 … 11; high: k = 12 and above."""

    def build(self, problem: Problem) -> Measure:
        """The measure; SpecError if the training grid is too coarse to have waves in the band."""
        self._check(problem.grid)
        return self._measure

    def closed_form(self, problem: Problem) -> ClosedForm:
        """2 cos(2πkx) along the first axis, x in lengths of the domain: E_k = 1, and 0 for the band's other k."""
        band = range(_num_bins(problem.grid))[BANDS[self.band]]
        n = problem.grid.shape[0]
        wave = 2 * torch.cos(2 * math.pi * max(band.start, 1) * torch.arange(n) / n)
        wave = wave.repeat_interleave(problem.grid.num_points // n)
        prediction = wave[None, None, :, None].expand(3, 2, -1, problem.num_channels)
        value = torch.full((2, problem.num_channels), 1 / len(band))
        return ClosedForm(prediction=prediction, truth=torch.zeros_like(prediction), value=value)

    def _measure(
        self, prediction: Float[Tensor, "B T N C"], truth: Float[Tensor, "B T N C"], grid: Grid
    ) -> Float[Tensor, "T C"]:
        self._check(grid)
        power = _power(grid.unflatten(prediction - truth), grid)
        return (power.mean(dim=0).sqrt() / grid.num_points)[:, BANDS[self.band]].mean(dim=1)

    def _check(self, grid: Grid) -> None:
        first = BANDS[self.band].start
        if _num_bins(grid) <= first:
            shape = " x ".join(str(n) for n in grid.shape)
            raise SpecError("band", f"{self.band!r} begins at wave number {first}, beyond the {shape} grid")


def _num_bins(grid: Grid) -> int:
    """How many whole wave numbers the spectrum has."""
    return grid.shape[0] // 2 + 1 if len(grid.shape) == 1 else min(grid.shape) // 2


def _power(error: Float[Tensor, "B T *grid C"], grid: Grid) -> Float[Tensor, "B T k C"]:
    """Sum of |F(e)|² over the wave vectors of each whole wave number."""
    axes = tuple(range(2, 2 + len(grid.shape)))
    power: Tensor = torch.fft.rfftn(error, dim=axes).abs().square()
    if len(grid.shape) == 1:
        return power
    shell = _shells(grid).to(power.device)
    for axis, n in zip(axes, grid.shape, strict=True):
        power = power.narrow(axis, 0, n // 2)
    bins = power.new_zeros(*power.shape[:2], int(shell.max()) + 1, power.shape[-1])
    return bins.index_add(2, shell, power.flatten(2, -2)).narrow(2, 0, _num_bins(grid))


def _shells(grid: Grid) -> Int[Tensor, " waves"]:
    """floor(|i|) of each wave vector of the quadrant, flattened."""
    waves = torch.meshgrid(*(torch.arange(n // 2, dtype=torch.float64) for n in grid.shape), indexing="ij")
    return torch.stack(waves).square().sum(dim=0).sqrt().long().flatten()
