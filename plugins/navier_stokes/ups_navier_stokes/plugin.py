"""What this plugin adds."""

from ups_framework import hookimpl
from ups_framework.api import Dataset
from ups_navier_stokes.decaying import NavierStokesDecaying


@hookimpl
def ups_datasets() -> dict[str, type[Dataset]]:
    """Flows on the torus."""
    return {"navier_stokes_decaying": NavierStokesDecaying}
