"""Training from the first stage to the last. What changes is in the `State` that goes from step to step."""

from collections.abc import Callable, Sequence

from attrs import frozen

from ups_framework.api import Data
from ups_framework.engine.build import System
from ups_framework.engine.listener import Listener
from ups_framework.engine.stage_loop import StageLoop
from ups_framework.engine.state import State, begin_stage


@frozen(kw_only=True, eq=False)
class Trainer:
    """Trains a system on its data."""

    system: System
    """What is trained, on the device of the data."""

    data: Data
    """What it is trained on."""

    listeners: Sequence[Listener]
    """Who hears of it."""

    save: Callable[[State], None]
    """Writes a checkpoint."""

    stopping: Callable[[], bool]
    """Whether somebody has asked to stop."""

    def run(self, state: State) -> State:
        """Train from where `state` is to the end of the last stage. Raises Interrupted when asked to stop."""
        names, stages = zip(*self.system.recipe.stages.items(), strict=True)
        while state.stage < len(stages):
            if stages[state.stage].steps:
                loop = StageLoop(self.system, self.data, names[state.stage], self.listeners)
                loop.run(state, self.save, self.stopping)
            state = self._next_stage(state)
            self.save(state)
        return state

    def _next_stage(self, state: State) -> State:
        """Take on the best averaged weights, and begin the next stage if there is one."""
        state.simulator.load_state_dict(state.best_weights or state.average.state_dict())
        if state.stage + 1 < len(self.system.recipe.stages):
            return begin_stage(self.system, state.stage + 1, after=state)
        state.stage, state.step = state.stage + 1, 0
        return state
