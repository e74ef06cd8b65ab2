"""A picture that is sound, or has one planted fault, called like the check that has to find it."""

from typing import Any

import matplotlib.pyplot as plt
from attrs import frozen
from matplotlib.figure import Figure

from tests.testing.faults import Common
from ups_framework.api import Picture, Plot, Problem, Rollout


@frozen(kw_only=True)
class FaultyPicture(Picture):
    """u at the first point over time."""

    fault: str = ""

    def build(self, problem: Problem) -> Plot:
        return self._draw

    def _draw(self, rollout: Rollout) -> Any:
        pyplot = self.fault == "leaves_pyplot_alone"
        figure = plt.figure() if pyplot else Figure()
        axes = figure.subplots()
        values = Common(fault=self.fault).commit(rollout.truth, rollout.truth)
        axes.plot(rollout.times, values[0, :, 0, 0])
        if self.fault != "draws_a_figure_with_labelled_axes":
            axes.set_xlabel("time t")
            axes.set_ylabel("u")
        return figure
