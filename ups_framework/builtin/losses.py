"""Loss terms on decoded fields and on latents. All but `mse` are relative: 1 is the size of what is compared with."""

from typing import ClassVar

import torch
from attrs import frozen
from jaxtyping import Float
from torch import Tensor

from ups_framework.api import Grid, LossTerm, OnTruth, Problem, SpecError, Step, Term

_FLOOR = 1e-2
"""Smallest size of a sample, as a fraction of the batch's, that errors are divided by: decayed fields do not rule."""

_NOTHING = 1e-30
"""Divides the error of a channel that is zero in the whole batch."""


def relative_error(
    prediction: Float[Tensor, "B K Q C"],
    truth: Float[Tensor, "B K Q C"],
    weights: Float[Tensor, "b k Q 1"] | None = None,
) -> Float[Tensor, "B K"]:
    """‖prediction − truth‖ / ‖truth‖ over points, averaged over channels; PDEBench's nRMSE per sample and frame."""
    error = _mean((prediction - truth).square(), weights)
    size = _mean(truth.square(), weights)
    floor = _FLOOR**2 * size.mean((0, 1), keepdim=True)
    return (error / torch.maximum(size, floor).clamp_min(_NOTHING) + 1e-12).sqrt().mean(-1)


def _mean(values: Float[Tensor, "B K Q C"], weights: Float[Tensor, "b k Q 1"] | None) -> Float[Tensor, "B K C"]:
    """Over points, each with its weight."""
    return (values if weights is None else values * weights).mean(2)


@frozen(kw_only=True)
class RelativeL2(LossTerm):
    """Relative L2 error ‖û₁ − u₁‖ / ‖u₁‖ of the first predicted frame at the sampler's points, per sample and channel.

    The same figure as the metric `nrmse`. Beside it `rollout` reads the frames after the first.
    """

    on_truth: ClassVar[OnTruth] = "zero"

    def build(self, problem: Problem) -> Term:
        return _first_frame


def _first_frame(step: Step) -> Float[Tensor, ""]:
    if step.num_steps == 0:
        return step.truth.new_zeros(())
    weights = None if step.weights is None else step.weights[:, :1]
    return relative_error(step.prediction[:, :1], step.target[:, :1], weights).mean()


@frozen(kw_only=True)
class Rollout(LossTerm):
    """Relative L2 error of the predicted frames 2 … K at the sampler's points, averaged over frames and samples.

    Zero while the stage unrolls one frame only. Unrolled training lowers the error of long rollouts (Brandstetter et
    al. 2022; List et al. 2024).
    """

    on_truth: ClassVar[OnTruth] = "zero"

    def build(self, problem: Problem) -> Term:
        return _later_frames


def _later_frames(step: Step) -> Float[Tensor, ""]:
    if step.num_steps < 2:
        return step.truth.new_zeros(())
    weights = step.weights
    if weights is not None and weights.shape[1] > 1:
        weights = weights[:, 1:]
    return relative_error(step.prediction[:, 1:], step.target[:, 1:], weights).mean()


@frozen(kw_only=True)
class RelativeMSE(LossTerm):
    """Mean square error over mean square truth, ‖û_k − u_k‖² / ‖u_k‖², of all predicted frames.

    The error is that at the sampler's points, the size of the truth that on the whole grid: so the value at some points
    is an unbiased estimate of that at all, with any sampler whose points are equally likely or weighted (a root, as in
    `relative_l2`, is only nearly so).
    """

    on_truth: ClassVar[OnTruth] = "zero"

    def build(self, problem: Problem) -> Term:
        return _square_errors


def _square_errors(step: Step) -> Float[Tensor, ""]:
    if step.num_steps == 0:
        return step.truth.new_zeros(())
    size = step.truth[:, 1:].square().mean(2).clamp_min(_NOTHING)
    return (_mean((step.prediction - step.target).square(), step.weights) / size).mean()


@frozen(kw_only=True)
class MSE(LossTerm):
    """Mean square error of all predicted frames at the sampler's points, in the fields' units squared.

    Large fields rule over those that have decayed, and fields of other units over one another: what older protocols
    train on (APEBench, Koehler et al. 2024). With one field it is `relative_mse` with samples weighed by their size.
    """

    on_truth: ClassVar[OnTruth] = "zero"

    def build(self, problem: Problem) -> Term:
        return _plain_square_errors


def _plain_square_errors(step: Step) -> Float[Tensor, ""]:
    if step.num_steps == 0:
        return step.truth.new_zeros(())
    return _mean((step.prediction - step.target).square(), step.weights).mean()


@frozen(kw_only=True)
class InverseEncoding(LossTerm):
    """Relative L2 error of decode(encode(u)) against u at the sampler's points: the encoder loses nothing.

    Inverse encoding of UPT (Alkin et al. 2024). Alone it trains an auto-encoder; weight 0.1 to 1 beside a prediction.
    """

    def build(self, problem: Problem) -> Term:
        return _reconstruction


def _reconstruction(step: Step) -> Float[Tensor, ""]:
    weights = None if step.weights is None else step.weights[:, :1]
    return relative_error(step.reconstruction[:, None], step.reconstruction_target[:, None], weights).mean()


@frozen(kw_only=True)
class InverseDecoding(LossTerm):
    """Relative L2 distance of encode(decode(z)) from z = encode(u), as a target held fixed: the decoder loses nothing.

    z is decoded on the whole training grid, which a grid encoder needs. Inverse decoding of UPT (Alkin et al. 2024).
    """

    whole_grid: ClassVar[bool] = True

    def build(self, problem: Problem) -> Term:
        return _reencoding


def _reencoding(step: Step) -> Float[Tensor, ""]:
    again = step.model.encode(step.reconstruction_on_grid, step.parameters).tokens
    return _latent_error(again, step.encoded(0).tokens.detach())


@frozen(kw_only=True)
class LatentForward(LossTerm):
    """Relative L2 distance of advanced latents from encodings of the true frames, ‖z − E(u)‖ / ‖E(u) − mean E(u)‖.

    The encodings are held fixed; averaged over the predicted frames. Cheap, since nothing is decoded; alone it can be
    met by latents that all are alike, so keep a decoded term beside it.
    """

    def build(self, problem: Problem) -> Term:
        return _latent_forward


def _latent_forward(step: Step) -> Float[Tensor, ""]:
    if step.num_steps == 0:
        return step.truth.new_zeros(())
    errors = [
        _latent_error(step.advanced(frame).tokens, step.encoded(frame).tokens.detach())
        for frame in range(1, step.num_steps + 1)
    ]
    return torch.stack(errors).mean()


def _latent_error(tokens: Float[Tensor, "B T D"], reference: Float[Tensor, "B T D"]) -> Float[Tensor, ""]:
    """Root mean square distance over the root mean square deviation of the reference from its mean token."""
    spread = (reference - reference.mean((0, 1))).square().mean()
    return ((tokens - reference).square().mean() / (spread + 1e-12) + 1e-12).sqrt()


@frozen(kw_only=True)
class Spectral(LossTerm):
    """Relative L2 distance of amplitude spectra, ‖|F û| − |F u|‖ / ‖|F u|‖, averaged over predicted frames.

    F is the discrete Fourier transform of the decoded training grid. Shifting the prediction changes nothing: the term
    asks for the right scales, not the right places. It needs a problem whose axes are all periodic.
    """

    on_truth: ClassVar[OnTruth] = "zero"

    whole_grid: ClassVar[bool] = True

    def build(self, problem: Problem) -> Term:
        walls = [axis.name for axis in problem.axes if not axis.periodic]
        if walls:
            raise SpecError("use", f"a Fourier spectrum needs periodic axes; {', '.join(walls)} has walls")

        def term(step: Step) -> Float[Tensor, ""]:
            if step.num_steps == 0:
                return step.truth.new_zeros(())
            found = _amplitudes(step.prediction_on_grid, problem.grid)
            return relative_error(found, _amplitudes(step.truth[:, 1:], problem.grid)).mean()

        return term


def _amplitudes(values: Float[Tensor, "B K N C"], grid: Grid) -> Float[Tensor, "B K modes C"]:
    """Moduli of the discrete Fourier transform over space."""
    dims = tuple(range(2, 2 + len(grid.shape)))
    spectrum: Tensor = torch.fft.rfftn(grid.unflatten(values), dim=dims, norm="forward")
    return spectrum.abs().flatten(2, -2)
