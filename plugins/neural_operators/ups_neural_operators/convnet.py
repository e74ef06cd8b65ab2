"""Operator: plain convolutions one after another."""

from attrs import field, frozen, validators
from torch import nn

from ups_framework.api import LatentSize, Operator, Problem
from ups_neural_operators.convolution import ACTIVATIONS, Activation, BoundaryConvolution
from ups_neural_operators.fields import (
    FieldOperator,
    Predicts,
    num_inputs,
    require_a_token_a_point,
    require_few_axes,
    set_zero,
)


@frozen(kw_only=True)
class ConvNet(Operator):
    """f = C ∘ σ C ∘ … ∘ σ C: `layers` convolutions of 3 points with an activation each, then a last one without.

    What a point becomes depends on `layers` + 1 points to each side. Padding goes round periodic axes and repeats the
    edge at walls. On periodic axes, shifting a field shifts what becomes of it. The defaults are the size of APEBench's
    `Conv;34;10;relu` (Koehler et al. 2024): 31,961 parameters for one field and one PDE parameter in 1-D.
    """

    channels: int = field(default=34, validator=[validators.ge(1), validators.le(2**16)])
    """Channels between convolutions."""

    layers: int = field(default=10, validator=[validators.ge(1), validators.le(1000)])
    """Convolutions before the last one; each reaches one point further."""

    activation: Activation = "relu"
    """`relu` as published, or `gelu`."""

    predicts: Predicts = "change"
    """`change`: f is added to the field, and is 0 before it is trained. `state`: f is the next field, as published, so
    that an untrained operator is no persistence."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        """Raises SpecError if tokens are not the grid's points."""
        require_few_axes(problem)
        require_a_token_a_point(problem, latent)
        layers: list[nn.Module] = []
        for layer in range(self.layers):
            inputs = self.channels if layer else num_inputs(problem, latent)
            layers += [BoundaryConvolution(problem.axes, inputs, self.channels), ACTIVATIONS[self.activation]()]
        last = BoundaryConvolution(problem.axes, self.channels, latent.width)
        if self.predicts == "change":
            set_zero(last)
        return FieldOperator(nn.Sequential(*layers, last), problem, self.predicts)
