"""The optimisers of a stage: AdamW, or Muon for matrices beside AdamW for the rest."""

from collections.abc import Iterable

import torch
from torch import nn

from ups_framework.recipe.recipe import Optimizer

_NARROW = 16
"""Matrices with fewer rows or columns map from or to a handful of values: nothing to make orthogonal."""


def make_optimizers(parts: Iterable[nn.Module], settings: Optimizer) -> tuple[torch.optim.Optimizer, ...]:
    """The optimisers of all parameters of the parts, each parameter in one of them; vectors do not decay."""
    parameters = [parameter for part in parts for parameter in part.parameters()]
    by_muon = [p for p in parameters if settings.method == "muon" and _is_for_muon(p)]
    taken = {id(parameter) for parameter in by_muon}
    rest = [parameter for parameter in parameters if id(parameter) not in taken]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, fused=True)
    if not by_muon:
        return (adamw,)
    muon = torch.optim.Muon(
        by_muon, lr=settings.learning_rate, weight_decay=settings.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return adamw, muon


def _is_for_muon(parameter: nn.Parameter) -> bool:
    return parameter.ndim == 2 and min(parameter.shape) >= _NARROW and parameter.is_floating_point()
