"""How fast Burgers' trajectories are made, beside the same scheme written in NumPy on one core.

    python benchmarks/generator.py            # 128 trajectories, a minute or two
    python benchmarks/generator.py --quick    # two of them: whether it runs

Prints one line of JSON. NumPy has the finite volumes of `ups_burgers.finite_volume` as one would write them down: whole
arrays in float64, 64 trajectories at a time, common steps, in the frame of reference of the grid. Ours is what a run
does: the file with its checksums, and some trajectories again at twice the resolution. Both keep 201 frames of 1024
cells.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from ups_burgers.ensemble import DT, NUM_FRAMES, NUM_POINTS, Ensemble
from ups_burgers.generate import generate

from ups_framework.data.pdebench import read

Array = NDArray[np.float64]

CFL, BATCH, VISCOSITY = 0.4, 64, 1e-3


def main() -> int:
    """Make both, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two trajectories")
    parser.add_argument("--trajectories", type=int, default=2 * BATCH, help="how many [128]")
    arguments = parser.parse_args()
    count = 2 if arguments.quick else arguments.trajectories
    ensemble = Ensemble(viscosity=VISCOSITY, boundary="periodic", trajectories=count, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        path, started = Path(folder) / "made.hdf5", time.perf_counter()
        generate(path, ensemble, torch.device("cpu"), lambda line: None)
        ours = time.perf_counter() - started
        made = read(path, trajectories=range(count), report=lambda line: None).values.double().numpy()
    start = ensemble.start(range(count), ensemble.grid()).numpy()
    started = time.perf_counter()
    plain = np.concatenate([frames_of(part) for part in np.split(start, range(BATCH, count, BATCH))])
    numpy_seconds = time.perf_counter() - started
    figures = {
        "trajectories": count,
        "viscosity": VISCOSITY,
        "threads": torch.get_num_threads(),
        "seconds": ours,
        "numpy_seconds": numpy_seconds,
        "faster": numpy_seconds / ours,
        "difference": float(np.linalg.norm(made - plain) / np.linalg.norm(made)),
    }
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))
    return 0


def frames_of(start: Array) -> Array:
    """All frames (B T N) of u_t + (u²/2)_x = (ν/π) u_xx from a start (B N), periodic, by the midpoint rule."""
    h = 1 / NUM_POINTS
    fastest = float(np.abs(start).max())
    steps = math.ceil(DT / (CFL * min(h / fastest, h * h / (2 * VISCOSITY / math.pi))))
    u, dt = start, DT / steps
    kept = [u]
    for _ in range(NUM_FRAMES - 1):
        for _ in range(steps):
            u = u + dt * change(u + dt / 2 * change(u, h), h)
        kept.append(u)
    return np.stack(kept, axis=1)


def change(u: Array, h: float) -> Array:
    """du/dt by central slopes, limited as van Leer's, and Godunov's flux."""
    ahead, behind = np.roll(u, -1, axis=1) - u, u - np.roll(u, 1, axis=1)
    central = (ahead + behind) / 4
    limit = np.minimum(np.abs(ahead), np.abs(behind))
    slope = np.where(ahead * behind > 0, np.sign(central) * np.minimum(np.abs(central), limit), 0.0)
    left, right = u + slope, np.roll(u - slope, -1, axis=1)
    flux = np.maximum(np.maximum(left, -right), 0) ** 2 / 2 - VISCOSITY / math.pi * ahead / h
    result: Array = (np.roll(flux, 1, axis=1) - flux) / h
    return result


if __name__ == "__main__":
    sys.exit(main())
