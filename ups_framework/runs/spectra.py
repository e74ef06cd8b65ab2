"""The energy of a field at each wavenumber."""

import numpy as np
from numpy.typing import NDArray

from ups_framework.runs.predictions import Array


def energy_spectrum(values: Array, num_axes: int) -> NDArray[np.float64]:
    """E(k) = ½ Σ |û(m)|² over the modes m with k - ½ ≤ |m| < k + ½, for k = 0 … n/2 cycles a domain.

    û is the Fourier transform over the last `num_axes` dimensions, divided by the number of points, so that Σ E(k) over
    all shells is half the mean square of the field. Averaged over all dimensions before those; n is the shortest axis.
    The field is taken as periodic: a jump between two walls shows as a slope of k⁻².
    """
    axes = tuple(range(-num_axes, 0))
    modes = np.fft.fftn(values.astype(np.float64), axes=axes, norm="forward")
    energy = 0.5 * np.abs(modes) ** 2
    shape = energy.shape[-num_axes:]
    energy = energy.reshape(-1, *shape).mean(axis=0)
    wavenumbers = np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij")
    shells = np.floor(np.linalg.norm(wavenumbers, axis=0) + 0.5).astype(np.int64)
    spectrum = np.zeros(shells.max() + 1)
    np.add.at(spectrum, shells, energy)
    return spectrum[: min(shape) // 2 + 1]
