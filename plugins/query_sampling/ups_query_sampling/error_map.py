"""Where the model has been wrong so far."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Points

_MEMORY = 0.9
"""How much of what a point's error was stays when it is seen again."""


class ErrorMap(nn.Module):
    """A running mean of the square error at each point of the grid; points never seen have the mean of all."""

    mean_square: Tensor
    seen: Tensor

    def __init__(self, num_points: int) -> None:
        super().__init__()
        self.register_buffer("mean_square", torch.zeros(num_points))
        self.register_buffer("seen", torch.zeros(num_points))

    def observe(self, points: Points, error: Float[Tensor, "B K Q"]) -> None:
        """Take square errors on: averaged over samples and frames that look at the same point."""
        index = points.index
        assert index is not None, "errors off the grid belong to no point"
        at = index.unsqueeze(1) if index.ndim == 2 else index
        at = at.expand(error.shape).reshape(-1)
        total = torch.zeros_like(self.mean_square).index_add_(0, at, error.reshape(-1).to(self.mean_square))
        count = torch.zeros_like(self.mean_square).index_add_(0, at, torch.ones_like(at, dtype=torch.float32))
        now, old = total / count.clamp_min(1), torch.where(self.seen > 0, _MEMORY, 0.0)
        self.mean_square.copy_(torch.where(count > 0, old * self.mean_square + (1 - old) * now, self.mean_square))
        self.seen.copy_(torch.where(count > 0, 1.0, self.seen))

    def root_mean_square(self) -> Float[Tensor, " N"]:
        """The error at each point; ones before anything was seen."""
        mean = (self.mean_square * self.seen).sum() / self.seen.sum().clamp_min(1)
        filled = torch.where(self.seen > 0, self.mean_square, mean)
        return torch.where(mean > 0, filled.sqrt(), torch.ones_like(filled))
