"""What this plugin adds."""

from ups_framework import hookimpl
from ups_framework.api import LatentTransform, LossTerm
from ups_latent_reg.diversity import LatentDiversity
from ups_latent_reg.noise import LatentNoise
from ups_latent_reg.norm import LatentNorm
from ups_latent_reg.smoothness import LatentSmoothness
from ups_latent_reg.soft_clip import SoftClip


@hookimpl
def ups_losses() -> dict[str, type[LossTerm]]:
    """Loss terms, for `[losses.*]`."""
    return {"latent_norm": LatentNorm, "latent_diversity": LatentDiversity, "latent_smoothness": LatentSmoothness}


@hookimpl
def ups_latent_transforms() -> dict[str, type[LatentTransform]]:
    """Transforms of latents, for `[latent_transforms.*]`."""
    return {"latent_noise": LatentNoise, "soft_clip": SoftClip}
