"""What this plugin adds."""

from ups_framework import hookimpl
from ups_framework.api import Decoder, Encoder, Operator
from ups_neural_operators.convnet import ConvNet
from ups_neural_operators.fno import FNO
from ups_neural_operators.identity import IdentityDecoder, IdentityEncoder
from ups_neural_operators.resnet import ResNet
from ups_neural_operators.unet import UNet


@hookimpl
def ups_encoders() -> dict[str, type[Encoder]]:
    """Fields as they are."""
    return {"identity": IdentityEncoder}


@hookimpl
def ups_operators() -> dict[str, type[Operator]]:
    """Networks on fields."""
    return {"fno": FNO, "unet": UNet, "resnet": ResNet, "convnet": ConvNet}


@hookimpl
def ups_decoders() -> dict[str, type[Decoder]]:
    """Fields as they are, and what is between their points."""
    return {"identity": IdentityDecoder}
