"""What changes with the step of a stage, each as a function of the step alone."""

import math

from ups_framework.recipe.recipe import Optimizer, Stage


def learning_rate(optimizer: Optimizer, step: int, steps: int) -> float:
    """Rate of step 0 … steps − 1: linear to the highest over the warm-up, then a cosine down to the final one."""
    warmup = optimizer.warmup * steps
    if step < warmup:
        return optimizer.learning_rate * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1.0, steps - 1 - warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return optimizer.learning_rate * (optimizer.final + (1 - optimizer.final) * cosine)


def ramp(fraction: float, step: int, steps: int) -> float:
    """Factor of a term's weight: linear from 0 at the first step to 1 after `fraction` of the stage."""
    length = fraction * steps
    return 1.0 if step >= length else step / length


def unrolled_frames(stage: Stage, step: int) -> int:
    """Predicted frames per window: 1 over the curriculum's fraction of the stage, then evenly more up to `unroll`."""
    if stage.unroll <= 1:
        return stage.unroll
    single = stage.curriculum * stage.steps
    if step < single:
        return 1
    progress = (step - single) / max(1.0, stage.steps - single)
    first = 2 if stage.curriculum > 0 else 1
    return min(stage.unroll, first + int(progress * (stage.unroll - first + 1)))


def audit_due(every: int, step: int) -> bool:
    """Whether the gradients are measured before this step: before every `every`-th, and more often while the stage is
    young (after 1/16, 1/8, 1/4 and 1/2 of the first interval), when they change most.
    """
    return step % every == 0 or step in {every // 16, every // 8, every // 4, every // 2}


def ema_decay(decay: float, step: int) -> float:
    """Decay of the moving average after so many steps: (1 + step) / (10 + step) until that exceeds `decay`.

    The average forgets the stage's first weights quickly and is long only when there is something to average.
    """
    return min(decay, (1 + step) / (10 + step))
