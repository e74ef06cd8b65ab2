"""The picture `heat_decay`."""

import torch
from attrs import field, frozen, validators
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor
from ups_framework.api import Picture, Plot, Problem, Rollout

from ups_heat.equation import require_heat


@frozen(kw_only=True)
class HeatDecay(Picture):
    """Amplitudes of the longest waves along x over time, in the first test trajectory: 2/n |Σ_x u exp(−2πimx)|.

    On the logarithmic axis the truth is straight lines, of slope −κ (2πm)².
    """

    waves: int = field(default=3, validator=validators.ge(1))
    """How many waves to draw, from the longest on."""

    def build(self, problem: Problem) -> Plot:
        """Raises SpecError on `use` if the problem is another one."""
        require_heat(problem)
        unit = problem.fields[0].unit

        def plot(rollout: Rollout) -> Figure:
            figure = Figure(figsize=(6, 4), layout="constrained")
            axes = figure.subplots()
            time = rollout.times.cpu().numpy()
            truth, prediction = (self._amplitudes(rollout, u) for u in (rollout.truth, rollout.prediction))
            for number in range(truth.shape[1]):
                colour = f"C{number}"
                axes.semilogy(time, truth[:, number].numpy(), color=colour, label=f"m = {number + 1}, truth")
                axes.semilogy(time, prediction[:, number].numpy(), "--", color=colour, label="prediction")
            axes.set_xlabel("time / s")
            axes.set_ylabel(f"amplitude / {unit}")
            axes.legend()
            return figure

        return plot

    def _amplitudes(self, rollout: Rollout, values: Float[Tensor, "B T N C"]) -> Float[Tensor, "T waves"]:
        """Of the first trajectory's mean over all axes but x."""
        line = rollout.grid.unflatten(values[0].cpu().double()).flatten(2).mean(2)
        amplitudes: Tensor = 2 * torch.fft.rfft(line, norm="forward").abs()
        return amplitudes[:, 1 : self.waves + 1]
