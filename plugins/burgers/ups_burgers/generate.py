"""Makes a file of trajectories, on all cores or on the GPU."""

import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import torch
from attrs import frozen
from jaxtyping import Float, Int
from torch import Tensor

from ups_burgers.ensemble import DT, NUM_FRAMES, NUM_POINTS, Ensemble
from ups_burgers.march import march, march_along
from ups_burgers.workers import in_parallel
from ups_framework.data.pdebench import Attribute, new_file

_CPU_BATCH = 64
"""Trajectories that a core advances together: their arrays stay in its cache and an operation outweighs its call."""

_GPU_BATCH = 2048

_MOST_CHECKED = 4
"""Trajectories that are made again at twice the resolution: as many as one in sixteen, but one at least."""


@frozen(kw_only=True, eq=False)
class _Job:
    numbers: Int[Tensor, " B"]
    """Which trajectories."""

    fine: bool
    """Whether at twice the resolution."""


def generate(path: Path, ensemble: Ensemble, device: torch.device, report: Callable[[str], None]) -> None:
    """Make the ensemble's trajectories and put them at `path`, whole or not at all; says how far it is.

    The attributes tell how the file was made. `self_error` is the relative L2 difference at the last time from
    solutions at twice the resolution, `self_error_mean` that over all times; both are means over a few trajectories.
    """
    begin, done, total = time.monotonic(), 0, ensemble.trajectories
    what = f"making burgers ν={ensemble.viscosity:g}"
    report(f"{what}: {total} trajectories with {ensemble.solver.name}")
    checked = torch.empty(2, _num_checked(total), NUM_FRAMES, NUM_POINTS)
    times = DT * torch.arange(NUM_FRAMES, dtype=torch.float64)
    with (
        new_file(path, trajectories=total, x=ensemble.grid().coordinates(0), t=times) as file,
        closing(in_parallel(lambda job: _solve(job, ensemble, device), _jobs(ensemble, device), device)) as solved,
    ):
        for job, values in solved:
            known = job.numbers < checked.shape[1]
            checked[int(job.fine), job.numbers[known]] = values[known]
            if not job.fine:
                file.write(job.numbers.tolist(), values)
                done += len(values)
                report(f"{what}: {done}/{total} trajectories, {time.monotonic() - begin:.0f} s")
        made = _provenance(ensemble, device) | {"seconds": time.monotonic() - begin}
        file.finish(made | _self_error(*checked))


def _jobs(ensemble: Ensemble, device: torch.device) -> list[_Job]:
    """Batches of like speed, fastest first, so that the last to end is short, and the check before all."""
    size = _GPU_BATCH if device.type == "cuda" else _CPU_BATCH
    start = ensemble.start(range(ensemble.trajectories), ensemble.grid())
    order = (start.amax(1) - start.amin(1)).argsort(descending=True, stable=True)
    checked = torch.arange(_num_checked(ensemble.trajectories))
    return [_Job(numbers=checked, fine=True), *(_Job(numbers=part, fine=False) for part in order.split(size))]


def _num_checked(trajectories: int) -> int:
    return max(1, min(_MOST_CHECKED, trajectories // 16))


def _solve(job: _Job, ensemble: Ensemble, device: torch.device) -> Float[Tensor, "B frames N"]:
    """Trajectories at the points of the file."""
    solver_type = ensemble.solver
    grid = ensemble.grid(2 * NUM_POINTS, solver_type.fine_offset) if job.fine else ensemble.grid()
    solver = solver_type(grid, ensemble.viscosity, device)
    start = ensemble.start(job.numbers.tolist(), grid).to(device)
    if grid.axes[0].periodic:
        values = march_along(solver, start, grid, frames=NUM_FRAMES, dt=DT)
    else:
        values = march(solver, start, frames=NUM_FRAMES, dt=DT)
    return (solver_type.coarsen(values) if job.fine else values).cpu()


def _self_error(coarse: Float[Tensor, "B T N"], fine: Float[Tensor, "B T N"]) -> dict[str, Attribute]:
    difference, size = (coarse - fine).double(), fine.double()
    last = difference[:, -1].norm(dim=1) / size[:, -1].norm(dim=1)
    whole = difference.flatten(1).norm(dim=1) / size.flatten(1).norm(dim=1)
    return {"self_error": last.mean().item(), "self_error_mean": whole.mean().item()}


def _provenance(ensemble: Ensemble, device: torch.device) -> dict[str, Attribute]:
    return {
        "Nu": ensemble.viscosity,
        "equation": "u_t + (u^2/2)_x = (Nu/pi) u_xx",
        "boundary": ensemble.boundary,
        "initial": "PDEBench's sine waves, independent draws, period 1",
        "seed": ensemble.seed,
        "solver": ensemble.solver.name,
        "dtype": "float64, stored as float32",
        "device": device.type,
        "version": f"ups-burgers {version('ups-burgers')}, torch {torch.__version__}",
    }
