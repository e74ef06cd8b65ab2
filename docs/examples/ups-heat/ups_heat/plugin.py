"""What this plugin adds."""

from pathlib import Path

from ups_framework import hookimpl
from ups_framework.api import Baseline, Dataset, LossTerm, Metric, Picture, Sampler

from ups_heat.baseline import HeatCrankNicolson
from ups_heat.dataset import HeatDataset
from ups_heat.loss import HeatResidual
from ups_heat.metric import HeatResidualMetric
from ups_heat.picture import HeatDecay
from ups_heat.sampler import HeatLattice


@hookimpl
def ups_datasets() -> dict[str, type[Dataset]]:
    """Exact solutions."""
    return {"heat": HeatDataset}


@hookimpl
def ups_samplers() -> dict[str, type[Sampler]]:
    """Points that lie evenly."""
    return {"heat_lattice": HeatLattice}


@hookimpl
def ups_losses() -> dict[str, type[LossTerm]]:
    """The equation as a penalty."""
    return {"heat_residual": HeatResidual}


@hookimpl
def ups_metrics() -> dict[str, type[Metric]]:
    """The equation as a figure of merit."""
    return {"heat_residual": HeatResidualMetric}


@hookimpl
def ups_baselines() -> dict[str, type[Baseline]]:
    """A solver without training."""
    return {"heat_crank_nicolson": HeatCrankNicolson}


@hookimpl
def ups_pictures() -> dict[str, type[Picture]]:
    """How fast waves decay."""
    return {"heat_decay": HeatDecay}


@hookimpl
def ups_recipes() -> dict[str, Path]:
    """What runs with this plugin alone."""
    return {"quick": Path(__file__).parent / "recipes/quick.toml"}
