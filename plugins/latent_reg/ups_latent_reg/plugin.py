"""What this plugin adds."""

from ups_framework import hookimpl
from ups_framework.api import LossTerm
from ups_latent_reg.diversity import LatentDiversity
from ups_latent_reg.norm import LatentNorm


@hookimpl
def ups_losses() -> dict[str, type[LossTerm]]:
    """Loss terms, for `[losses.*]`."""
    return {"latent_norm": LatentNorm, "latent_diversity": LatentDiversity}
