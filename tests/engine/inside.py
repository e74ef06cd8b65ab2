"""A guard, two transforms of latents and a solver whose effect can be written down."""

import torch
from attrs import frozen
from torch import Tensor, nn

from ups_framework.api import Baseline, Correct, Forecast, Grid, Guard, Latent, LatentSize, LatentTransform, Problem


@frozen(kw_only=True)
class KeepMean(Guard):
    """The mean over the grid stays that of the frame before: u − mean(u) + mean(u₀)."""

    def build(self, problem: Problem) -> Correct:
        return _keep_mean


def _keep_mean(values: Tensor, before: Tensor) -> Tensor:
    return values - values.mean(1, keepdim=True) + before.mean(1, keepdim=True)


class _Scale(nn.Module):
    def forward(self, latent: Latent) -> Latent:
        return latent.with_tokens(2 * latent.tokens)


@frozen(kw_only=True)
class Doubled(LatentTransform):
    """z → 2 z."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return _Scale()


class _Noise(nn.Module):
    def forward(self, latent: Latent) -> Latent:
        if not self.training:
            return latent
        return latent.with_tokens(latent.tokens + 0.1 * torch.randn_like(latent.tokens))


@frozen(kw_only=True)
class Noisy(LatentTransform):
    """z → z + 0.1 ε while training."""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return _Noise()


@frozen(kw_only=True)
class Sluggish(Baseline):
    """Advection at nine tenths of the speed, by Fourier modes: a solver that is wrong in a way that can be learnt."""

    gain: float = 0.0
    """What each step adds to the mean."""

    def build(self, problem: Problem) -> Forecast:
        def forecast(start: Tensor, steps: int, grid: Grid, parameters: Tensor) -> Tensor:
            (points,) = grid.shape
            waves = torch.fft.rfftfreq(points, 1 / points)
            number = torch.arange(1, steps + 1)
            distance = 0.9 * parameters[:, :1] * problem.dt * number
            turned = torch.exp(-2j * torch.pi * waves * distance[..., None])
            hat = torch.fft.rfft(start[..., 0])[:, None] * turned
            frames: Tensor = torch.fft.irfft(hat, n=points)[..., None]
            return frames + self.gain * number[:, None, None]

        return forecast
