"""What this plugin adds."""

from ups_framework import hookimpl
from ups_framework.api import LossTerm, Metric
from ups_physics_priors.boundary import Boundary, BoundaryViolation
from ups_physics_priors.conservation import Conservation, ConservationDrift
from ups_physics_priors.divergence import Divergence, DivergenceNorm


@hookimpl
def ups_losses() -> dict[str, type[LossTerm]]:
    """Loss terms, for `[losses.*]`."""
    return {"conservation": Conservation, "boundary": Boundary, "divergence": Divergence}


@hookimpl
def ups_metrics() -> dict[str, type[Metric]]:
    """Metrics, for `[metrics.*]`."""
    return {
        "conservation_drift": ConservationDrift,
        "boundary_violation": BoundaryViolation,
        "divergence": DivergenceNorm,
    }
