"""The parts that come with the framework, registered as any plugin's are."""

from ups_framework import hookimpl
from ups_framework.api import Baseline, Decoder, Encoder, LossTerm, Metric, Operator, Sampler
from ups_framework.builtin.any_point_decoder import AnyPointDecoder
from ups_framework.builtin.baselines import Persistence, SpatialMean
from ups_framework.builtin.grid_encoder import GridEncoder
from ups_framework.builtin.losses import (
    MSE,
    InverseDecoding,
    InverseEncoding,
    LatentForward,
    RelativeL2,
    RelativeMSE,
    Rollout,
    Spectral,
)
from ups_framework.builtin.metrics import BRMSE, CRMSE, FRMSE, NRMSE, RMSE, VRMSE, GeometricNRMSE, MaxError
from ups_framework.builtin.samplers import Dense
from ups_framework.builtin.transformer import TransformerStack
from ups_framework.builtin.transformer_unet import TransformerUNet


@hookimpl
def ups_encoders() -> dict[str, type[Encoder]]:
    return {"grid": GridEncoder}


@hookimpl
def ups_operators() -> dict[str, type[Operator]]:
    return {"transformer_stack": TransformerStack, "transformer_unet": TransformerUNet}


@hookimpl
def ups_decoders() -> dict[str, type[Decoder]]:
    return {"any_point": AnyPointDecoder}


@hookimpl
def ups_samplers() -> dict[str, type[Sampler]]:
    return {"dense": Dense}


@hookimpl
def ups_losses() -> dict[str, type[LossTerm]]:
    return {
        "relative_l2": RelativeL2,
        "relative_mse": RelativeMSE,
        "mse": MSE,
        "rollout": Rollout,
        "inverse_encoding": InverseEncoding,
        "inverse_decoding": InverseDecoding,
        "latent_forward": LatentForward,
        "spectral": Spectral,
    }


@hookimpl
def ups_metrics() -> dict[str, type[Metric]]:
    return {
        "rmse": RMSE,
        "nrmse": NRMSE,
        "gmean_nrmse": GeometricNRMSE,
        "crmse": CRMSE,
        "max_error": MaxError,
        "brmse": BRMSE,
        "frmse": FRMSE,
        "vrmse": VRMSE,
    }


@hookimpl
def ups_baselines() -> dict[str, type[Baseline]]:
    return {"persistence": Persistence, "spatial_mean": SpatialMean}
