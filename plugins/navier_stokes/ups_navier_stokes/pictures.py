"""Pictures of flows in the plane."""

from typing import TYPE_CHECKING

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, Picture, Plot, Problem, Rollout
from ups_navier_stokes.equation import require_flow
from ups_navier_stokes.solver import curl, velocity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@frozen(kw_only=True)
class EnergyBudget(Picture):
    """Kinetic energy ½⟨u² + v²⟩ and enstrophy ½⟨w²⟩ over time, means over the domain and all test trajectories.

    Without forcing both decay, dE/dt = −2ν ½⟨w²⟩: a prediction above the truth gains energy from nowhere, one below it
    smears eddies out.
    """

    def build(self, problem: Problem) -> Plot:
        """The drawing; SpecError on `use` if the problem is no flow on the torus, in vorticity or velocity."""
        require_flow(problem)
        return _draw


def energy(values: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "B T"]:
    """½⟨u² + v²⟩ of a velocity (C = 2), or of the one without mean that has this vorticity (C = 1)."""
    fields = grid.unflatten(values).double()
    parts = velocity(fields[..., 0], grid) if fields.shape[-1] == 1 else fields.unbind(-1)
    return torch.stack(parts).square().sum(0).mean((-2, -1)) / 2


def enstrophy(values: Float[Tensor, "B T N C"], grid: Grid) -> Float[Tensor, "B T"]:
    """½⟨w²⟩ of a vorticity (C = 1), or of the curl of a velocity (C = 2)."""
    fields = grid.unflatten(values).double()
    w = fields[..., 0] if fields.shape[-1] == 1 else curl(fields, grid)
    return w.square().mean((-2, -1)) / 2


def _draw(rollout: Rollout) -> "Figure":
    from matplotlib.figure import Figure  # here, since plugins are loaded by commands that draw nothing

    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    panels: list[Axes] = list(figure.subplots(1, 2))
    for axes, figure_of_merit, label in zip(
        panels, (energy, enstrophy), ("energy ½⟨u² + v²⟩", "enstrophy ½⟨w²⟩"), strict=True
    ):
        for values, name, style in ((rollout.truth, "truth", "-"), (rollout.prediction, "prediction", "--")):
            mean = figure_of_merit(values, rollout.grid).mean(0)
            axes.plot(rollout.times, mean, style, color="#24313f" if name == "truth" else "#D55E00", label=name)
        axes.set_xlabel("time t")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(True, color="#e3e7ec", linewidth=0.7)
    panels[0].legend(frameon=False)
    return figure
