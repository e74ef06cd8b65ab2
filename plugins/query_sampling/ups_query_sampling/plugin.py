"""What this plugin adds."""

from ups_framework import hookimpl
from ups_framework.api import Sampler
from ups_query_sampling.stratified import Stratified
from ups_query_sampling.uniform import Uniform


@hookimpl
def ups_samplers() -> dict[str, type[Sampler]]:
    """Samplers, for `[sampler]`."""
    return {"uniform": Uniform, "stratified": Stratified}
