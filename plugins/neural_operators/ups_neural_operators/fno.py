"""Operator: the Fourier neural operator of the library neuraloperator."""

import importlib
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from torch import Tensor, nn

from ups_framework.api import LatentSize, Operator, Problem, SpecError
from ups_neural_operators.fields import (
    FieldOperator,
    Predicts,
    num_inputs,
    require_a_token_a_point,
    require_few_axes,
    set_zero,
)

_PADDING = 0.25
"""Of an axis with walls, at both ends, so that it need not be periodic."""


@frozen(kw_only=True)
class FNO(Operator):
    """f = Q ∘ B_n ∘ … ∘ B_1 ∘ P with blocks B(h) = σ(M σ(F⁻¹ R F h + W h) + s h): `neuralop.models.FNO`.

    R is a matrix for each of the lowest waves, W and the MLP M act at each point, P and Q are MLPs at each point too;
    all else is the library's default. No coordinates of periodic axes are given to it, other than in the original, so
    that shifting a periodic field shifts what becomes of it; axes with walls are padded by a quarter at both ends and
    get the place between the walls. The weights belong to waves and not to points: the same operator on a finer grid
    gives the same function, but for waves that the coarse grid cannot show.

    Needs the library: `pip install "ups-neural-operators[fno]"`, some 250 MB beside what ups needs. Its spectral
    weights are kept as pairs of real numbers, which optimisers and counts of parameters know; FFTs are in float32.

    The defaults are those of APEBench's `FNO;12;18;4;gelu`, with the library's blocks: 35,479 parameters for one field
    and one PDE parameter in 1-D; `channels = 16` has 28,081. Fourier layers need many modes where there are shocks.

    Li et al. 2021 (ICLR); Kossaifi et al. 2024 (the library); Koehler et al. 2024 (APEBench).
    """

    example: ClassVar[Mapping[str, object]] = {"modes": 4, "channels": 8}

    modes: int = field(default=12, validator=[validators.ge(1), validators.le(2**12)])
    """Waves that R acts on along each axis, 0 … modes − 1 and, but for the last axis, as many negative ones; at most
    half of the points."""

    channels: int = field(default=18, validator=[validators.ge(1), validators.le(2**12)])
    """Channels of all blocks; P and Q have twice as many inside."""

    layers: int = field(default=4, validator=[validators.ge(1), validators.le(100)])
    """Blocks one after another."""

    predicts: Predicts = "change"
    """`change`: f is added to the field, and is 0 before it is trained. `state`: f is the next field, as published, so
    that an untrained operator is no persistence."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """Raises SpecError if tokens are not the grid's points, there are too many modes, or the library is missing."""
        require_few_axes(problem)
        require_a_token_a_point(problem, latent)
        for axis, n in zip(problem.axes, problem.grid.shape, strict=True):
            if 2 * self.modes > n:
                raise SpecError("modes", f"{self.modes} are more than half of the {n} points along {axis.name}")
        dims = len(problem.axes)
        net = _library()(
            n_modes=(2 * self.modes,) * (dims - 1) + (2 * self.modes - 2,),
            in_channels=num_inputs(problem, latent),
            out_channels=latent.width,
            hidden_channels=self.channels,
            n_layers=self.layers,
            positional_embedding=None,
            domain_padding=[0.0 if axis.periodic else _PADDING for axis in problem.axes],
        )
        if self.predicts == "change":
            set_zero(net.projection.fcs[-1])
        return FieldOperator(_Net(net, self.layers), problem, self.predicts)


def _library() -> Any:  # an untyped library
    """The library's class, imported on first use because that takes seconds; SpecError if it is not there."""
    try:
        with warnings.catch_warnings():
            return importlib.import_module("neuralop.models").FNO
    except ImportError as error:
        raise SpecError(
            "use", f'needs the library neuraloperator: pip install "ups-neural-operators[fno]" ({error})'
        ) from error


class _Net(nn.Module):
    """The library's parts in the library's order; its own class adds to `state_dict` what is no tensor."""

    def __init__(self, net: Any, layers: int) -> None:  # an untyped library
        super().__init__()
        self.layers = layers
        self.lifting, self.projection = net.lifting, net.projection
        self.blocks, self.padding = net.fno_blocks, net.domain_padding
        for number, convolution in enumerate(self.blocks.convs):
            self.blocks.convs[number] = _SpectralConvolution(convolution)

    def forward(self, values: Float[Tensor, "B C *grid"]) -> Float[Tensor, "B C *grid"]:
        hidden = self.lifting(values)
        if self.padding is not None:
            hidden = self.padding.pad(hidden)
        for layer in range(self.layers):
            hidden = self.blocks(hidden, layer)
        if self.padding is not None:
            hidden = self.padding.unpad(hidden)
        result: Tensor = self.projection(hidden)
        return result


class _SpectralConvolution(nn.Module):
    """The library's spectral convolution with real weights, in float32 also where the rest is in bfloat16."""

    def __init__(self, convolution: Any) -> None:  # an untyped library
        super().__init__()
        convolution.weight = _RealWeight(convolution.weight.to_tensor())
        self.convolution = convolution

    def forward(self, values: Float[Tensor, "B H *grid"], output_shape: None = None) -> Float[Tensor, "B H *grid"]:
        with torch.autocast(values.device.type, enabled=False):
            result: Tensor = self.convolution(values.float(), output_shape=output_shape)
        return result.to(values.dtype)

    def transform(self, values: Float[Tensor, "B H *grid"], output_shape: None = None) -> Float[Tensor, "B H *grid"]:
        """What goes past the convolution, which changes no resolution here."""
        return values


class _RealWeight(nn.Module):
    """A complex weight as pairs of real numbers; the library takes the modes that it needs by an index."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.parts = nn.Parameter(torch.view_as_real(weight.detach()).clone())

    def __getitem__(self, index: tuple[slice, ...]) -> Tensor:
        return torch.view_as_complex(self.parts.float())[index]
