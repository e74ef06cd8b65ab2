"""The latents of a step that are regularised."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Latent, Step


def latents_of(step: Step) -> list[Latent]:
    """The encoder's latent of frame 0 and the operator's latents of frames 1 … K."""
    return [step.encoded(0), *(step.advanced(frame) for frame in range(1, step.num_steps + 1))]


def mean_over_latents(step: Step, penalty: Callable[[Float[Tensor, "B T D"]], Float[Tensor, ""]]) -> Float[Tensor, ""]:
    """The mean of a penalty over the latents of a step."""
    return torch.stack([penalty(latent.tokens) for latent in latents_of(step)]).mean()
