"""One run from recipe to report: data, training, evaluation, and everything that the run's folder holds."""

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from attrs import frozen
from torch import nn

from ups_framework.engine.estimate import peak_memory_mib, training_forecast
from ups_framework.engine.evaluate import evaluate
from ups_framework.engine.listener import Listener
from ups_framework.engine.prepare import Prepared, default_device, prepare
from ups_framework.engine.rehearsal import rehearse
from ups_framework.engine.stage_loop import Interrupted
from ups_framework.engine.state import State, begin_stage, restored_state
from ups_framework.engine.trainer import Trainer
from ups_framework.errors import PluginError, RunError
from ups_framework.plugins import Registry
from ups_framework.recipe import Recipe, dump_recipe
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.coverage import save_coverage
from ups_framework.runs.data_facts import data_facts
from ups_framework.runs.environment import environment
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.gates import write_verdicts
from ups_framework.runs.judging import judge
from ups_framework.runs.other_recipe import other_recipe
from ups_framework.runs.plugin_pictures import draw_pictures
from ups_framework.runs.predictions import save_predictions
from ups_framework.runs.read_run import read_run
from ups_framework.runs.recorder import Recorder
from ups_framework.runs.recording import RecordingListener
from ups_framework.runs.records import Record, read_json, write_json
from ups_framework.runs.report import write_report
from ups_framework.runs.samples import sample_predictions
from ups_framework.runs.signals import Stopper, stop_signals
from ups_framework.runs.snapshots import Snapshots
from ups_framework.runs.status import recorded
from ups_framework.runs.tracking import tracked

Report = Callable[[str], None]


@frozen(kw_only=True)
class Run:
    """A recipe in the folder where it runs."""

    recipe: Recipe
    """What to do."""

    registry: Registry
    """Where its components come from."""

    folder: RunFolder
    """Where everything goes."""

    resume: bool
    """Go on from the newest checkpoint, if there is one."""

    report: Report
    """Told one line now and then."""

    listeners: Sequence[Listener] = ()
    """Who else hears of the training."""

    def execute(self) -> Record:
        """Do everything that is not done yet; gives `evaluation.json`.

        Raises Interrupted when a signal asks to stop, with a checkpoint written if training had begun; RecipeError,
        DataError or RunError for what the user can mend.
        """
        with stop_signals() as stopper, self.folder.locked(), ExitStack() as tracking:
            self._write_recipe()
            with recorded(self.folder, (Interrupted, KeyboardInterrupt)):
                return self._work(stopper, tracking)

    def _work(self, stopper: Stopper, tracking: ExitStack) -> Record:
        """Everything; `tracking` ends when the run's end is written down."""
        prepared = prepare(self.recipe, self.registry, default_device(), self.report)
        write_json(self.folder.environment, {**read_json(self.folder.environment), **data_facts(prepared.data)})
        forecast = None if self.resume else training_forecast(prepared.system, prepared.data)
        state, last_step = self._starting_state(prepared)
        rehearse(prepared.system, prepared.data, state.stage)
        recording = RecordingListener(Recorder(self.folder), Snapshots(prepared, self.folder))
        recording.rewind(-1 if last_step is None else last_step)
        tracking.enter_context(tracked(self.recipe.tracking, self.folder, self.report))
        state = self._train(prepared, state, recording, stopper)
        self._compare(forecast, state.train_seconds)
        return self._finish(prepared, state)

    def _compare(self, forecast: float | None, seconds: float) -> None:
        """Say how well the time of training was foretold; nothing of a run that was too short to try it, or resumed."""
        if forecast is not None:
            said = f"{forecast:.0f} s were foretold from its first steps ({seconds / forecast:.2f} times)"
            self.report(f"training took {seconds:.0f} s; {said}")

    def _write_recipe(self) -> None:
        """Save the resolved recipe and the environment; RunError if another recipe has trained in the folder."""
        if self.resume and self.folder.simulator.exists() and self.folder.latest_checkpoint(self.report) is None:
            raise RunError(
                f"{self.folder.path}: is finished, and its checkpoints are gone: there is nothing to go on from, and "
                "to begin again would lose its results. Give the new run another --name"
            )
        text = dump_recipe(self.recipe, self.registry)
        other = other_recipe(self.folder, self.recipe, self.registry)
        if other is not None and self.folder.latest_checkpoint(self.report) is not None:
            raise RunError(f"{self.folder.recipe}: {other}")
        write_whole(self.folder.recipe, text.encode())
        plugins = [plugin.name for plugin in self.registry.plugins if plugin.error is None]
        write_json(self.folder.environment, environment(plugins))

    def _starting_state(self, prepared: Prepared) -> tuple[State, int | None]:
        """The state to train from, and the run's steps that it has behind it (None in a new run)."""
        checkpoint = self.folder.latest_checkpoint(self.report) if self.resume else None
        if checkpoint is None:
            if self.resume:
                self.report(f"{self.folder.checkpoints}: no checkpoint to go on from, so that the run begins again")
            return begin_stage(prepared.system, 0), None
        saved: dict[str, Any] = torch.load(io.BytesIO(checkpoint.payload), weights_only=True)
        try:
            state = restored_state(prepared.system, saved)
        except (RuntimeError, KeyError, ValueError) as error:
            raise RunError(
                f"{checkpoint.path}: does not fit the parts that the recipe makes; it comes from another recipe or "
                "from other versions of the plugins (environment.json tells which). Start again under another --name"
            ) from error
        stages = list(self.recipe.stages.values())
        self.report(f"going on from {checkpoint.path}")
        return state, sum(stage.steps for stage in stages[: state.stage]) + state.step

    def _train(self, prepared: Prepared, state: State, recording: RecordingListener, stopper: Stopper) -> State:
        with stopper.between_steps():
            trainer = Trainer(
                system=prepared.system,
                data=prepared.data,
                listeners=[recording, *self.listeners],
                save=self._save,
                stopping=stopper.asked,
            )
            try:
                return trainer.run(state)
            except (RunError, PluginError) as error:
                raise RunError(f"{error}. {self._last_checkpoint()}") from error

    def _last_checkpoint(self) -> str:
        """What is left of a run that had to stop."""
        checkpoint = self.folder.latest_checkpoint(self.report)
        if checkpoint is None:
            return "There is no checkpoint yet"
        return f"The last good checkpoint is {checkpoint.path}: --resume goes on from it"

    def _save(self, state: State) -> None:
        names = [*self.recipe.stages, "done"]
        payload = io.BytesIO()
        torch.save(state.tensors(), payload)
        self.folder.save_checkpoint(f"{names[state.stage]}-{state.step:06d}", payload.getvalue())

    def _finish(self, prepared: Prepared, state: State) -> Record:
        """Save the simulator, evaluate it and write the report."""
        simulator = prepared.system.simulator.eval()
        payload = io.BytesIO()
        torch.save(simulator.payload(), payload)
        write_whole(self.folder.simulator, payload.getvalue())
        self.report("evaluating on the test split")
        evaluation, rollout = evaluate(prepared.system, prepared.data)
        steps = sum(stage.steps for stage in self.recipe.stages.values())
        evaluation["cost"] = _cost(prepared, state, steps)
        write_json(self.folder.evaluation, evaluation)
        write_verdicts(self.folder, judge(read_run(self.folder.path, self.folder.name)))
        save_predictions(self.folder.predictions, sample_predictions(prepared, rollout))
        save_coverage(self.folder.coverage, state.coverage, prepared.system.problem.grid)
        draw_pictures(prepared, rollout, self.registry, self.folder, self.report)
        write_report(self.folder)
        return evaluation


def _cost(prepared: Prepared, state: State, steps: int) -> dict[str, object]:
    """What the simulator took to train."""
    simulator = prepared.system.simulator
    return {
        "parameters": _count(simulator),
        "parameters_of": {name: _count(part) for name, part in simulator.parts.items()},
        "train_seconds": state.train_seconds,
        "seconds_per_step": state.train_seconds / max(1, steps),
        "peak_memory_mib": peak_memory_mib(),
    }


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
