"""Encoder for fields on a uniform grid: convolutions for local context, then one token a patch."""

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Axis, Encoder, Latent, LatentSize, Problem, SpecError
from ups_framework.builtin.patches import divide, gather_patches
from ups_framework.numerics.padding import pad_axes

_CONVOLUTIONS: dict[int, type[nn.Conv1d | nn.Conv2d | nn.Conv3d]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@frozen(kw_only=True)
class GridEncoder(Encoder):
    """Tokens of patches: z_i = W [h]_{patch i} + V p, with h two convolutions of the fields and p the PDE's parameters.

    The convolutions see across patch borders and, where an axis is periodic, round its end; on an axis with walls the
    distance to them is one more input. Shifting a periodic field by a whole patch shifts the tokens.
    Patch embedding as in ViT (Dosovitskiy et al. 2021) behind a convolutional stem (Xiao et al. 2021).
    """

    channels: int = field(default=64, validator=validators.ge(1))
    """Channels of the convolutions; 32 to 128."""

    kernel: int = field(default=5, validator=validators.ge(1))
    """Grid points that the first convolution sees along each axis; odd."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        if self.kernel % 2 == 0:
            raise SpecError("kernel", f"{self.kernel} is even, so that a point would not be in its middle")
        if self.kernel // 2 > min(problem.grid.shape):
            raise SpecError("kernel", f"{self.kernel} reaches beyond the {min(problem.grid.shape)} points of an axis")
        if len(problem.axes) not in _CONVOLUTIONS:
            raise SpecError("use", f"{problem.name} has {len(problem.axes)} axes; this encoder knows 1 to 3")
        return _GridEncoder(self, problem, latent)


class _GridEncoder(nn.Module):
    def __init__(self, spec: GridEncoder, problem: Problem, latent: LatentSize) -> None:
        super().__init__()
        self.patches = divide(problem, latent)
        self.shape = problem.grid.shape
        inputs = problem.num_channels + sum(not axis.periodic for axis in problem.axes)
        self.lift = _BoundaryConvolution(problem.axes, inputs, spec.channels, spec.kernel)
        self.mix = _BoundaryConvolution(problem.axes, spec.channels, spec.channels, 3)
        self.activation = nn.GELU()
        self.embed = nn.Linear(spec.channels * self.patches.volume, latent.width)
        self.condition = nn.Linear(len(problem.parameters), latent.width, bias=False) if problem.parameters else None
        self.register_buffer("walls", _wall_coordinates(problem), persistent=False)
        self.register_buffer("positions", self.patches.grid.points(), persistent=False)

    walls: Tensor
    positions: Tensor

    def forward(
        self, values: Float[Tensor, "B N C"], coordinates: Float[Tensor, "N d"], parameters: Float[Tensor, "B P"]
    ) -> Latent:
        walls = self.walls.expand(values.shape[0], -1, -1)
        fields = torch.cat([values, walls], dim=-1).transpose(1, 2).unflatten(-1, self.shape)
        hidden = self.activation(self.lift(fields))
        hidden = hidden + self.activation(self.mix(hidden))
        tokens = self.embed(gather_patches(hidden, self.patches.size))
        if self.condition is not None:
            tokens = tokens + self.condition(parameters)[:, None]
        return Latent(tokens=tokens, positions=self.positions, grid=self.patches.tokens)


class _BoundaryConvolution(nn.Module):
    """A convolution of odd kernel that keeps the grid's shape, padded as each axis' boundary says."""

    def __init__(self, axes: tuple[Axis, ...], inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.axes = axes
        self.reach = (kernel // 2,) * len(axes)
        self.convolution = _CONVOLUTIONS[len(axes)](inputs, outputs, kernel)

    def forward(self, values: Float[Tensor, "B C *grid"]) -> Float[Tensor, "B H *grid"]:
        result: Tensor = self.convolution(pad_axes(values, self.axes, self.reach))
        return result


def _wall_coordinates(problem: Problem) -> Float[Tensor, "1 N walls"]:
    """For each axis with walls, where a point lies between them, from -1 to 1."""
    points = problem.grid.points()
    columns = [
        2 * (points[:, index] - axis.lower) / axis.length - 1
        for index, axis in enumerate(problem.axes)
        if not axis.periodic
    ]
    return torch.stack(columns, dim=-1)[None] if columns else points.new_zeros(1, len(points), 0)
