"""What this plugin adds."""

from ups_framework import hookimpl
from ups_framework.api import Sampler
from ups_query_sampling.curriculum import Curriculum
from ups_query_sampling.importance import Importance
from ups_query_sampling.off_grid import OffGrid
from ups_query_sampling.residual_adaptive import ResidualAdaptive
from ups_query_sampling.sets import PerFrame, PerSample
from ups_query_sampling.stratified import Stratified
from ups_query_sampling.uniform import Uniform


@hookimpl
def ups_samplers() -> dict[str, type[Sampler]]:
    """Samplers, for `[sampler]`; the last three are put around another one."""
    return {
        "uniform": Uniform,
        "stratified": Stratified,
        "importance": Importance,
        "residual_adaptive": ResidualAdaptive,
        "off_grid": OffGrid,
        "per_sample": PerSample,
        "per_frame": PerFrame,
        "curriculum": Curriculum,
    }
