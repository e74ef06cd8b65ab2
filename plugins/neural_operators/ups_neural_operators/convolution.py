"""Convolutions that know each axis' boundary, and what is put between them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import Axis, Problem, SpecError
from ups_framework.numerics.padding import pad_axes

CONVOLUTIONS: Mapping[int, type[nn.Conv1d | nn.Conv2d | nn.Conv3d]] = MappingProxyType(
    {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
)
"""By number of axes."""

Activation = Literal["relu", "gelu"]
"""What may stand between convolutions."""

ACTIVATIONS: Mapping[Activation, type[nn.Module]] = MappingProxyType({"relu": nn.ReLU, "gelu": nn.GELU})


class BoundaryConvolution(nn.Module):
    """A convolution of 3 points along each axis, padded round a periodic axis and with the edge's value at walls."""

    def __init__(
        self, axes: tuple[Axis, ...], inputs: int, outputs: int, *, dilation: int = 1, stride: int = 1
    ) -> None:
        super().__init__()
        self.axes = axes
        self.reach = (dilation,) * len(axes)
        self.convolution = CONVOLUTIONS[len(axes)](inputs, outputs, 3, dilation=dilation, stride=stride)

    def forward(self, values: Float[Tensor, "B C *grid"]) -> Float[Tensor, "B H *grid"]:
        result: Tensor = self.convolution(pad_axes(values, self.axes, self.reach))
        return result


def pointwise(problem: Problem, inputs: int, outputs: int) -> nn.Module:
    """The same linear map at every point."""
    return CONVOLUTIONS[len(problem.axes)](inputs, outputs, 1)


def require_reach(problem: Problem, reach: int, field: str) -> None:
    """SpecError on `field` if padding by `reach` points would go round an axis more than once."""
    for axis, n in zip(problem.axes, problem.grid.shape, strict=True):
        if reach > n:
            raise SpecError(field, f"reaches {reach} points to each side, but axis {axis.name} has {n}")
