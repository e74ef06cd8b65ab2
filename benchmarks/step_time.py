"""What a training step takes, with the steps of two recipes in turn, so that a busy machine slows both alike."""

import math
from collections.abc import Sequence
from functools import partial
from statistics import median, quantiles

from attrs import frozen

from ups_framework.api import Data
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import build_system
from ups_framework.engine.explain import made_up_trajectories
from ups_framework.engine.prepare import default_device
from ups_framework.engine.schedules import unrolled_frames
from ups_framework.engine.state import begin_stage
from ups_framework.engine.stopwatch import seconds_in_turn
from ups_framework.engine.trace import Trace
from ups_framework.engine.train_step import train_step
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe
from ups_framework.runs.bench_statistics import Judged, judged

STAGE = "operator"
"""The stage whose steps are timed."""

WARM_UP = 3
"""Steps of each recipe before any is timed."""


class Steps:
    """The steps of a recipe's stage `operator`, on made-up fields."""

    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        device, self.stage = default_device(), recipe.stages[STAGE]
        self.system = build_system(recipe, registry)
        self.fields = made_up_trajectories(self.system.problem, self.stage.unroll + 1, recipe.seed).to(device)
        self.system.simulator.normalise_by(self.fields.values)
        self.system.simulator.to(device)
        self.system.sampler.to(device)
        data = Data(problem=self.system.problem, train=self.fields, validation=self.fields, test=self.fields)
        self._state = begin_stage(self.system, list(recipe.stages).index(STAGE))
        self.batches = Batches(self.system, data, STAGE)
        self._trace = Trace(self.stage.losses)

    def take(self, number: int) -> None:
        """The step of that number, whole: forward, backward and optimiser."""
        self._state.step = number
        train_step(self.system, STAGE, self.batches, self._state, self._trace)
        self._trace.read(STAGE, number + 1)

    def longest(self, count: int) -> list[int]:
        """Numbers of steps with the most unrolled frames, spread evenly from the first of them to the stage's end."""
        frames = [unrolled_frames(self.stage, number) for number in range(self.stage.steps)]
        numbers = [number for number, unrolled in enumerate(frames) if unrolled == max(frames)]
        return [numbers[index * (len(numbers) - 1) // max(1, count - 1)] for index in range(count)]


@frozen(kw_only=True)
class StepTimes:
    """Steps of two recipes, timed in pairs."""

    plain: Sequence[float]
    """Seconds of each step of the one recipe."""

    changed: Sequence[float]
    """Seconds of the other's step in the same pair."""

    @property
    def ratio(self) -> float:
        """Median of the changed steps over that of the plain ones."""
        return median(self.changed) / median(self.plain)

    @property
    def spread(self) -> tuple[float, float]:
        """Quartiles of the ratios of all pairs."""
        ratios = [other / one for one, other in zip(self.plain, self.changed, strict=True)]
        lower, _, upper = quantiles(ratios, n=4, method="inclusive")
        return lower, upper

    @property
    def judged(self) -> Judged:
        """The paired t-test of the bench, on the logarithms of the seconds of each pair."""
        plain, changed = ([math.log(each) for each in series] for series in (self.plain, self.changed))
        return judged(plain, [changed])[0]


def in_turn(plain: Recipe, changed: Recipe, registry: Registry, pairs: int) -> StepTimes:
    """Time so many pairs of steps with all frames unrolled, either recipe first in every other pair."""
    both = [Steps(recipe, registry) for recipe in (plain, changed)]
    numbers = [steps.longest(pairs) for steps in both]

    def take(which: int, turn: int) -> None:
        both[which].take(numbers[which][max(turn, 0)])

    found = seconds_in_turn([partial(take, which) for which in (0, 1)], pairs, WARM_UP)
    return StepTimes(plain=found[0], changed=found[1])
