"""A guard and a transform of latents that are sound, or have one planted fault, called like the check that finds it."""

import torch
from attrs import frozen
from torch import Tensor, nn

from tests.testing.faults import Common
from ups_framework.api import Correct, Guard, Latent, LatentSize, LatentTransform, Problem


@frozen(kw_only=True)
class FaultyGuard(Guard):
    """u − mean(u) + mean(u₀)."""

    fault: str = ""

    def build(self, problem: Problem) -> Correct:
        return self._correct

    def _correct(self, values: Tensor, before: Tensor) -> Tensor:
        wanted, mean = before.mean(1, keepdim=True), values.mean(1, keepdim=True)
        if self.fault == "treats_samples_one_by_one":
            wanted = wanted + values.mean()
        result = values - mean + wanted
        if self.fault == "gives_a_frame_like_the_one_it_is_given":
            result = result.float()
        if self.fault == "leaves_alone_what_it_has_corrected":
            result = values - 0.5 * (mean - wanted)
        if self.fault == "lets_gradients_through":
            result = result.detach()
        if self.fault == "corrects_what_is_wrong":
            result = values
        return Common(fault=self.fault).commit(before, result)


class _Transform(nn.Module):
    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.plain = torch.rand(()) if fault == "is_restored_by_its_state_dict" else torch.zeros(())
        if fault == "is_a_module_without_lazy_parameters":
            self.lazy = nn.LazyLinear(3)

    def forward(self, latent: Latent) -> Latent:
        tokens = torch.tanh(latent.tokens) + self.plain
        if self.fault == "keeps_the_shape_and_places_of_a_latent":
            tokens = tokens[:, 1:]
        if self.fault == "lets_gradients_through":
            tokens = tokens.detach()
        if self.fault == "works_in_float64":
            tokens = tokens.float()
        if self.fault == "treats_samples_one_by_one":
            tokens = tokens + tokens.amax()
        return latent.with_tokens(Common(fault=self.fault).commit(latent.tokens, tokens))


@frozen(kw_only=True)
class FaultyTransform(LatentTransform):
    """tanh z."""

    fault: str = ""

    def build(self, problem: Problem, latent: LatentSize) -> nn.Module:
        return _Transform(self.fault)
