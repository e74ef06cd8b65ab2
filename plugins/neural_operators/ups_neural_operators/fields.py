"""What operators on fields share: tokens as a grid with conditions as channels, and the change added to the state."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Axis, Latent, LatentSize, Problem, SpecError

Predicts = Literal["change", "state"]
"""Whether the network gives what is added to a field, or the next field itself."""


def require_a_token_a_point(problem: Problem, latent: LatentSize) -> None:
    """SpecError on `latent.tokens` if tokens are not the grid's points."""
    points = problem.grid.num_points
    if latent.tokens != points:
        shape = " × ".join(str(n) for n in problem.grid.shape)
        raise SpecError("latent.tokens", f"{latent.tokens} should be {points}, one token a point of the grid ({shape})")


def require_few_axes(problem: Problem) -> None:
    """SpecError on `use` where there is no convolution."""
    if len(problem.axes) > 3:
        raise SpecError("use", f"{problem.name} has {len(problem.axes)} axes; this operator knows 1 to 3")


def num_inputs(problem: Problem, latent: LatentSize) -> int:
    """Channels that a network on fields gets: the token's, ln dt, the PDE's parameters, and a place between walls."""
    return latent.width + 1 + len(problem.parameters) + sum(not axis.periodic for axis in problem.axes)


class FieldOperator(nn.Module):
    """z(t + dt) = z(t) + f(z, ln dt, p, s), or f alone, for a network f from channels on a grid to channels.

    ln dt and the parameters p are constant channels; s is for each axis with walls the place between them, −1 … 1.
    """

    def __init__(self, net: nn.Module, problem: Problem, predicts: Predicts) -> None:
        super().__init__()
        self.net = net
        self.axes = problem.axes
        self.adds = predicts == "change"

    def forward(self, latent: Latent, dt: Float[Tensor, " B"], parameters: Float[Tensor, "B P"]) -> Latent:
        assert latent.grid is not None, "an operator on fields needs tokens on a grid"
        conditions = torch.cat([dt.log()[:, None], parameters], dim=1)[:, None].expand(-1, latent.tokens.shape[1], -1)
        walls = _between_walls(self.axes, latent.positions)[None].expand(latent.tokens.shape[0], -1, -1)
        inputs = torch.cat([latent.tokens, conditions, walls], dim=-1).transpose(1, 2).unflatten(-1, latent.grid)
        tokens = self.net(inputs).flatten(2).transpose(1, 2)
        return latent.with_tokens(latent.tokens + tokens if self.adds else tokens)


def _between_walls(axes: tuple[Axis, ...], positions: Float[Tensor, "T d"]) -> Float[Tensor, "T walls"]:
    """For each axis with walls, where a token lies between them, from −1 to 1."""
    columns = [
        2 * (positions[:, index] - axis.lower) / axis.length - 1 for index, axis in enumerate(axes) if not axis.periodic
    ]
    return torch.stack(columns, dim=-1) if columns else positions.new_zeros(len(positions), 0)


def set_zero(layer: nn.Module) -> None:
    """Zero all weights of a layer: a network that ends in it says 0 until it is trained."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
