"""What this plugin adds."""

from ups_framework import hookimpl
from ups_framework.api import Guard, LossTerm, Metric
from ups_physics_priors.boundary import Boundary, BoundaryViolation
from ups_physics_priors.conservation import Conservation, ConservationDrift
from ups_physics_priors.dissipation import Dissipation, DissipationGrowth
from ups_physics_priors.divergence import Divergence, DivergenceNorm, MeanAbsoluteDivergence
from ups_physics_priors.guards import ClampPositive, ProjectDivergenceFree, ProjectMean
from ups_physics_priors.pde_residual import PdeResidual, PdeResidualMetric
from ups_physics_priors.positivity import Negativity, Positivity
from ups_physics_priors.smoothness import Roughness, Smoothness


@hookimpl
def ups_guards() -> dict[str, type[Guard]]:
    """Guards, for `[guards.*]`."""
    return {
        "project_divergence_free": ProjectDivergenceFree,
        "project_mean": ProjectMean,
        "clamp_positive": ClampPositive,
    }


@hookimpl
def ups_losses() -> dict[str, type[LossTerm]]:
    """Loss terms, for `[losses.*]`."""
    return {
        "conservation": Conservation,
        "boundary": Boundary,
        "divergence": Divergence,
        "dissipation": Dissipation,
        "positivity": Positivity,
        "smoothness": Smoothness,
        "pde_residual": PdeResidual,
    }


@hookimpl
def ups_metrics() -> dict[str, type[Metric]]:
    """Metrics, for `[metrics.*]`."""
    return {
        "conservation_drift": ConservationDrift,
        "boundary_violation": BoundaryViolation,
        "divergence": DivergenceNorm,
        "mean_absolute_divergence": MeanAbsoluteDivergence,
        "dissipation_growth": DissipationGrowth,
        "negativity": Negativity,
        "roughness": Roughness,
        "pde_residual": PdeResidualMetric,
    }
