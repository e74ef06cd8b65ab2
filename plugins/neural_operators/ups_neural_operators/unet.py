"""Operator: the classic U-Net."""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import LatentSize, Operator, Problem, SpecError
from ups_neural_operators.convolution import ACTIVATIONS, Activation, BoundaryConvolution, pointwise
from ups_neural_operators.fields import (
    FieldOperator,
    Predicts,
    num_inputs,
    require_a_token_a_point,
    require_few_axes,
    set_zero,
)

_UPSAMPLING: Mapping[int, type[nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d]] = MappingProxyType(
    {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
)


@frozen(kw_only=True)
class UNet(Operator):
    """f = P ∘ U₀, with U_l(h) = D([up(U_{l+1}(down(g))), g]) for g = D(h), and D alone on the coarsest level.

    D is two convolutions of 3 points, each with a group norm (one group) and an activation; `down` is a convolution of
    stride 2, `up` a transposed one of 2 points; P is linear at each point. Each level halves the grid and doubles the
    channels. Padding goes round periodic axes and repeats the edge at walls. On periodic axes, shifting a field by
    2^levels points shifts what becomes of it.

    `channels = 12`, `levels = 2` is the size of APEBench's `UNet;12;2;relu`: 25,825 parameters for one field and one
    PDE parameter in 1-D. PDEBench's has 32 channels and 4 levels, batch norm and tanh.
    Ronneberger et al. 2015; Takamoto et al. 2022 (PDEBench); Koehler et al. 2024 (APEBench).
    """

    channels: int = field(default=12, validator=[validators.ge(1), validators.le(2**12)])
    """Channels of the finest level."""

    levels: int = field(default=2, validator=[validators.ge(1), validators.le(10)])
    """How often the grid is halved; 2^levels divides the points along each axis."""

    activation: Activation = "relu"
    """`relu` as published, or `gelu`."""

    predicts: Predicts = "change"
    """`change`: f is added to the field, and is 0 before it is trained. `state`: f is the next field, as published, so
    that an untrained operator is no persistence."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """Raises SpecError if tokens are not the grid's points, or these do not halve so often."""
        require_few_axes(problem)
        require_a_token_a_point(problem, latent)
        for axis, n in zip(problem.axes, problem.grid.shape, strict=True):
            if n % 2**self.levels:
                raise SpecError("levels", f"{self.levels} halvings do not divide the {n} points along {axis.name}")
        head = pointwise(problem, self.channels, latent.width)
        if self.predicts == "change":
            set_zero(head)
        level = _Level(problem, num_inputs(problem, latent), self.channels, self.levels, self.activation)
        return FieldOperator(nn.Sequential(level, head), problem, self.predicts)


class _Level(nn.Module):
    """One resolution, and inside it all coarser ones."""

    def __init__(self, problem: Problem, inputs: int, channels: int, levels: int, activation: Activation) -> None:
        super().__init__()
        self.before = _double(problem, inputs, channels, activation)
        self.below: nn.Sequential | None = None
        if levels:
            self.below = nn.Sequential(
                BoundaryConvolution(problem.axes, channels, channels, stride=2),
                _Level(problem, channels, 2 * channels, levels - 1, activation),
                _UPSAMPLING[len(problem.axes)](2 * channels, channels, 2, stride=2),
            )
            self.after = _double(problem, 2 * channels, channels, activation)

    def forward(self, values: Float[Tensor, "B C *grid"]) -> Float[Tensor, "B H *grid"]:
        fine: Tensor = self.before(values)
        if self.below is not None:
            fine = self.after(torch.cat([self.below(fine), fine], dim=1))
        return fine


def _double(problem: Problem, inputs: int, channels: int, activation: Activation) -> nn.Sequential:
    """Two convolutions, normalised, with activations."""
    layers: list[nn.Module] = []
    for given in (inputs, channels):
        convolution = BoundaryConvolution(problem.axes, given, channels)
        layers += [convolution, nn.GroupNorm(1, channels), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)
