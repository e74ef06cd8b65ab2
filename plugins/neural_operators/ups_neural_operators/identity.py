"""Encoder and decoder of networks that work on fields: a token is a grid point, its numbers are the fields' there."""

from attrs import frozen
from jaxtyping import Float, Int
from torch import Tensor, nn

from ups_framework.api import Decoder, Encoder, Latent, LatentSize, Problem, SpecError
from ups_framework.numerics.interpolation import picked
from ups_neural_operators.fields import require_a_token_a_point
from ups_neural_operators.interpolation import interpolated


@frozen(kw_only=True)
class IdentityEncoder(Encoder):
    """z = u: each grid point is a token, each normalised channel one of its numbers. Nothing to train.

    `latent.tokens` is the number of grid points and `latent.width` that of channels. A latent therefore is a field, so
    that `simulator.rollout` may be `"latent"`, which saves a pass through the units. For operators on fields.
    """

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """Raises SpecError if the latent has another size than the fields."""
        _require_fields(problem, latent)
        return _IdentityEncoder(problem)


@frozen(kw_only=True)
class IdentityDecoder(Decoder):
    """û = z at the grid points, and its interpolation between them. Nothing to train.

    Along periodic axes it is the trigonometric polynomial through the points (exact up to half of them in waves), along
    axes with walls the cubic one through four points; a point costs as many products as the grid has points. At
    points of the training grid nothing is computed.
    """

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """Raises SpecError if the latent has another size than the fields, or an axis is too short to interpolate."""
        _require_fields(problem, latent)
        for axis, n in zip(problem.axes, problem.grid.shape, strict=True):
            if n < 4 and not axis.periodic:
                raise SpecError("use", f"axis {axis.name} has {n} points; interpolation between walls needs 4")
        return _IdentityDecoder(problem)


def _require_fields(problem: Problem, latent: LatentSize) -> None:
    require_a_token_a_point(problem, latent)
    if latent.width != problem.num_channels:
        names = ", ".join(problem.channel_names)
        raise SpecError(
            "latent.width", f"{latent.width} should be {problem.num_channels}, one number a field ({names})"
        )


class _IdentityEncoder(nn.Module):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.shape = problem.grid.shape

    def forward(
        self, values: Float[Tensor, "B N C"], coordinates: Float[Tensor, "N d"], parameters: Float[Tensor, "B P"]
    ) -> Latent:
        return Latent(tokens=values, positions=coordinates, grid=self.shape)


class _IdentityDecoder(nn.Module):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.grid = problem.grid

    def forward(
        self, latent: Latent, points: Float[Tensor, "*B Q d"], index: Int[Tensor, "*B Q"] | None
    ) -> Float[Tensor, "B Q C"]:
        if index is None:
            return interpolated(self.grid, latent.tokens, points)
        return picked(latent.tokens, index)
