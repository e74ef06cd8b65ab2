"""What this plugin adds."""

from pathlib import Path

from ups_burgers.apebench import ApebenchBurgers
from ups_burgers.classical import FiniteVolumeBaseline, FourierBaseline, MovingFiniteVolumeBaseline
from ups_burgers.dataset import Burgers
from ups_burgers.fno_paper import FnoBurgers
from ups_burgers.residual import BurgersResidual, BurgersResidualMetric
from ups_framework import hookimpl
from ups_framework.api import Baseline, Dataset, LossTerm, Metric, Renamed


@hookimpl
def ups_datasets() -> dict[str, type[Dataset]]:
    """Trajectories, made in PDEBench's manner or read from its files, or made in APEBench's or the FNO paper's."""
    return {"burgers": Burgers, "apebench_burgers": ApebenchBurgers, "fno_burgers": FnoBurgers}


@hookimpl
def ups_baselines() -> dict[str, type[Baseline] | Renamed]:
    """Solvers without training."""
    return {
        "finite_volume": FiniteVolumeBaseline,
        "moving_finite_volume": MovingFiniteVolumeBaseline,
        "fourier": FourierBaseline,
        "classical": Renamed(to="finite_volume", since="0.2.0"),
    }


@hookimpl
def ups_losses() -> dict[str, type[LossTerm]]:
    """The equation as a penalty."""
    return {"burgers_residual": BurgersResidual}


@hookimpl
def ups_metrics() -> dict[str, type[Metric]]:
    """The equation as a figure of merit."""
    return {"burgers_residual": BurgersResidualMetric}


@hookimpl
def ups_recipes() -> dict[str, Path]:
    """What runs with this plugin alone."""
    return {"quick": Path(__file__).parent / "recipes/quick.toml"}
