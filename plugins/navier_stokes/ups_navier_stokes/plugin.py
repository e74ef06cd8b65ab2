"""What this plugin adds."""

from pathlib import Path

from ups_framework import hookimpl
from ups_framework.api import Dataset, Picture
from ups_navier_stokes.decaying import NavierStokesDecaying
from ups_navier_stokes.pictures import EnergyBudget


@hookimpl
def ups_datasets() -> dict[str, type[Dataset]]:
    """Flows on the torus."""
    return {"navier_stokes_decaying": NavierStokesDecaying}


@hookimpl
def ups_pictures() -> dict[str, type[Picture]]:
    """Budgets, for reports."""
    return {"energy_budget": EnergyBudget}


@hookimpl
def ups_recipes() -> dict[str, Path]:
    """What runs with this plugin alone."""
    return {"decaying": Path(__file__).parent / "recipes/decaying.toml"}
