"""Pictures of flows in the plane."""

from typing import TYPE_CHECKING

from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, Picture, Plot, Problem, Rollout, SpecError
from ups_framework.numerics.spectral import Spectral

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
        """The drawing; SpecError on `use` if the problem has no vorticity in a periodic plane."""
        names = [field.name for field in problem.fields]
        if names != ["vorticity"] or not all(axis.periodic for axis in problem.axes) or len(problem.axes) != 2:
            raise SpecError("use", f"draws vorticity on the torus only, not {', '.join(names)} of {problem.name}")
        return _draw


def energy(vorticity: Float[Tensor, "B T N 1"], grid: Grid) -> Float[Tensor, "B T"]:
    """½⟨u² + v²⟩ = ½⟨ψ w⟩ with ∇²ψ = −w; a mean velocity is not in w, and not counted."""
    w = grid.unflatten(vorticity)[..., 0].double()
    spectral = Spectral(grid, w.device)
    stream = spectral.inverse(-spectral.inverse_laplacian() * spectral.forward(w))
    return 0.5 * (stream * w).mean((-2, -1))


def enstrophy(vorticity: Float[Tensor, "B T N 1"], grid: Grid) -> Float[Tensor, "B T"]:
    """½⟨w²⟩."""
    return 0.5 * vorticity[..., 0].double().square().mean(-1)


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
