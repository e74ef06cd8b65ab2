"""What this plugin adds."""

from pathlib import Path

from ups_framework import hookimpl
from ups_framework.api import Baseline, Dataset, Picture
from ups_navier_stokes.baseline import PseudoSpectral
from ups_navier_stokes.decaying import NavierStokesDecaying
from ups_navier_stokes.forced import NavierStokesForced
from ups_navier_stokes.kolmogorov import NavierStokesKolmogorov
from ups_navier_stokes.pictures import EnergyBudget


@hookimpl
def ups_datasets() -> dict[str, type[Dataset]]:
    """Flows on the torus."""
    return {
        "navier_stokes_decaying": NavierStokesDecaying,
        "navier_stokes_kolmogorov": NavierStokesKolmogorov,
        "navier_stokes_forced": NavierStokesForced,
    }


@hookimpl
def ups_baselines() -> dict[str, type[Baseline]]:
    """A solver without training."""
    return {"pseudo_spectral": PseudoSpectral}


@hookimpl
def ups_pictures() -> dict[str, type[Picture]]:
    """Budgets, for reports."""
    return {"energy_budget": EnergyBudget}


@hookimpl
def ups_recipes() -> dict[str, Path]:
    """What runs with this plugin alone."""
    return {name: Path(__file__).parent / f"recipes/{name}.toml" for name in ("decaying", "forced")}
