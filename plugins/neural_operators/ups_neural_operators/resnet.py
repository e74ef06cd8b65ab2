"""Operator: residual blocks of convolutions, dilated or not."""

from collections.abc import Sequence

from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Axis, LatentSize, Operator, Problem
from ups_neural_operators.convolution import ACTIVATIONS, Activation, BoundaryConvolution, pointwise, require_reach
from ups_neural_operators.fields import (
    FieldOperator,
    Predicts,
    num_inputs,
    require_a_token_a_point,
    require_few_axes,
    set_zero,
)


@frozen(kw_only=True)
class ResNet(Operator):
    """f = P ∘ R ∘ … ∘ R ∘ L, with blocks R(h) = σ(h + C_{d_n} σ C_{d_{n-1}} … σ C_{d_1} h).

    L and P are linear at each point, C_d a convolution of 3 points that lie d apart. A block reaches Σ d points to each
    side. Padding goes round periodic axes and repeats the edge at walls. On periodic axes, shifting a field shifts what
    becomes of it. Local and cheap; the best of APEBench's networks where dynamics are local (Burgers).

    The defaults are the size of APEBench's `Res;26;8;relu`: 32,995 parameters for one field and one PDE parameter in
    1-D; `channels = 24` has 28,153. Its dilated `Dil;2;32;2;relu` is `channels = 32`, `blocks = 2`,
    `dilations = [1, 2, 4, 2, 1]`: 31,201.

    He et al. 2016 (residual blocks); Stachenfeld et al. 2022 (dilated); Koehler et al. 2024 (APEBench).
    """

    channels: int = field(default=26, validator=[validators.ge(1), validators.le(2**16)])
    """Channels of all blocks."""

    blocks: int = field(default=8, validator=[validators.ge(1), validators.le(1000)])
    """Blocks one after another."""

    dilations: tuple[int, ...] = field(
        default=(1, 1), validator=[validators.min_len(1), validators.deep_iterable(validators.ge(1))]
    )
    """For each convolution of a block, how far apart the points lie that it sees: `[1, 1]`, or `[1, 2, 4, 2, 1]`."""

    activation: Activation = "relu"
    """`relu` as published, or `gelu`."""

    predicts: Predicts = "change"
    """`change`: f is added to the field, and is 0 before it is trained. `state`: f is the next field, as published, so
    that an untrained operator is no persistence."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """Raises SpecError if tokens are not the grid's points, or a dilation goes round an axis."""
        require_few_axes(problem)
        require_a_token_a_point(problem, latent)
        require_reach(problem, max(self.dilations), "dilations")
        head = pointwise(problem, self.channels, latent.width)
        if self.predicts == "change":
            set_zero(head)
        net = nn.Sequential(
            pointwise(problem, num_inputs(problem, latent), self.channels),
            *(_Block(problem.axes, self.channels, self.dilations, self.activation) for _ in range(self.blocks)),
            head,
        )
        return FieldOperator(net, problem, self.predicts)


class _Block(nn.Module):
    def __init__(self, axes: tuple[Axis, ...], channels: int, dilations: Sequence[int], activation: Activation) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]()
        layers: list[nn.Module] = []
        for dilation in dilations:
            layers += [BoundaryConvolution(axes, channels, channels, dilation=dilation), self.activation]
        self.branch = nn.Sequential(*layers[:-1])

    def forward(self, hidden: Float[Tensor, "B H *grid"]) -> Float[Tensor, "B H *grid"]:
        result: Tensor = self.activation(hidden + self.branch(hidden))
        return result
