"""One stage of training: audit, step, record, validate, save, in that order."""

import math
import time
from collections.abc import Callable, Sequence

from ups_framework.api import Data
from ups_framework.engine.audit import (
    audit_rows,
    measure_gradients,
    refuse_nonfinite_terms,
    refuse_terms_without_effect,
)
from ups_framework.engine.batches import Batches
from ups_framework.engine.build import System
from ups_framework.engine.diagnostics import Diagnosis
from ups_framework.engine.distributions import distribution
from ups_framework.engine.estimate import peak_memory_mib
from ups_framework.engine.evaluate import nrmse_table, validation_prediction
from ups_framework.engine.listener import Listener, Progress, TrainingRecord, Validation
from ups_framework.engine.randomness import seeded
from ups_framework.engine.schedules import audit_due, learning_rate
from ups_framework.engine.spikes import count_spikes, remembered
from ups_framework.engine.state import State
from ups_framework.engine.trace import Trace
from ups_framework.engine.train_step import train_step
from ups_framework.errors import RunError


class Interrupted(Exception):  # noqa: N818  # no error: somebody asked for it
    """The run was asked to stop; its checkpoint is written."""


class StageLoop:
    """Trains one stage."""

    def __init__(self, system: System, data: Data, name: str, listeners: Sequence[Listener]) -> None:
        self._system, self._data, self._name, self._listeners = system, data, name, listeners
        self._stage, self._training = system.recipe.stages[name], system.recipe.training
        self._batches = Batches(system, data, name)
        self._trace = Trace(self._stage.losses)
        self._diagnose = Diagnosis(system, data)
        self._step_seconds = 0.0

    def run(self, state: State, save: Callable[[State], None], stopping: Callable[[], bool]) -> None:
        """Train `state` to the end of the stage, or until `patience` validations bring nothing better.

        Raises Interrupted, with a checkpoint saved, when asked to stop, and RunError if a term has no effect at the
        first step or is not finite.
        """
        for listener in self._listeners:
            listener.stage_started(self._progress(state))
        while state.step < self._stage.steps and not self._exhausted(state):
            started = time.perf_counter()
            self._one_step(state)
            self._validate_if_due(state)
            state.train_seconds += time.perf_counter() - started
            asked = stopping()
            if asked or self._due(state, self._training.checkpoint_every):
                self._record(state)
                save(state)
            if asked:
                raise Interrupted
        for listener in self._listeners:
            listener.stage_ended(self._progress(state), self._stage.select, state.best)

    def _one_step(self, state: State) -> None:
        """Audit if it is time, step, and record if it is time."""
        audited = audit_due(self._training.audit_every, state.step)
        if audited:
            self._audit(state)
        started = time.perf_counter()
        train_step(self._system, self._name, self._batches, state, self._trace)
        self._step_seconds += time.perf_counter() - started
        if audited:
            self._show_gradients(state)
        if self._due(state, self._training.log_every):
            self._record(state)

    def _audit(self, state: State) -> None:
        """Measure the gradients of all terms with all frames unrolled, and weigh the terms that have a share."""
        objective = self._system.objectives[self._name]
        trained = self._system.trained_parts(self._name)
        norms = measure_gradients(
            objective,
            lambda: self._batches.audit_step(state.step),
            trained,
            lambda: seeded(self._batches.device, self._system.recipe.seed, "audit", self._name, state.step),
        )
        refuse_nonfinite_terms(self._name, state.step, norms)
        if state.step == 0:
            refuse_terms_without_effect(self._name, norms)
        state.weights = objective.rebalanced(state.weights, norms.totals())
        rows = audit_rows(norms, state.weights)
        for listener in self._listeners:
            listener.audited(self._progress(state), rows)

    def _show_gradients(self, state: State) -> None:
        """Tell of the gradient that the last step has left in the trained parts, after clipping."""
        parts = self._system.trained_parts(self._name)
        spread = {
            name: distribution([p.grad for p in part.parameters() if p.grad is not None])
            for name, part in parts.items()
        }
        seen = {name: counts for name, counts in spread.items() if counts is not None}
        for listener in self._listeners:
            listener.gradients_seen(self._progress(state), seen)

    def _record(self, state: State) -> None:
        """Read the trace: the one place where training waits for the device, and where NaN is found."""
        if not len(self._trace):
            return
        started, steps = time.perf_counter(), len(self._trace)
        means = self._trace.read(self._name, state.step)
        seconds = self._step_seconds + time.perf_counter() - started
        self._step_seconds = 0.0
        record = TrainingRecord(
            loss=sum(means.weighted.values()),
            raw=means.raw,
            weighted=means.weighted,
            learning_rate=learning_rate(self._system.recipe.optimizer, state.step - 1, self._stage.steps),
            gradient_norm=means.gradient_norm,
            gradient_spikes=count_spikes(state.gradient_norms, means.gradient_norms),
            steps_per_second=steps / seconds,
            samples_per_second=steps * self._training.batch * self._training.accumulate / seconds,
            memory_mib=peak_memory_mib(),
            points_used=self._batches.points_used,
            points_total=self._system.problem.grid.num_points,
        )
        state.gradient_norms = remembered(state.gradient_norms, means.gradient_norms)
        for listener in self._listeners:
            listener.trained(self._progress(state), record)

    def _validate_if_due(self, state: State) -> None:
        """Measure the averaged weights on the validation split and keep them if they are the best of the stage."""
        if not self._due(state, self._training.validate_every):
            return
        select, validation = self._stage.select, self._data.validation
        prediction = validation_prediction(self._system, state.average, validation, select)
        table = nrmse_table(self._system, prediction, validation)
        value = float(table.mean())
        if not math.isfinite(value):
            raise RunError(
                f"stage {self._name!r}, step {state.step}: the validation {select} nRMSE is {value}: "
                "the averaged weights predict nothing finite. Lower optimizer.learning_rate, or unroll more frames"
            )
        best = value < state.best
        state.without_best = 0 if best else state.without_best + 1
        if best:
            state.best = value
            state.best_weights = {name: tensor.clone() for name, tensor in state.average.state_dict().items()}
        told = Validation(
            figure=select,
            value=value,
            by_field=dict(zip(self._system.problem.channel_names, table.mean(0).tolist(), strict=True)),
            best=best,
            diagnostics=self._diagnose(state.average, prediction, advances=select != "reconstruction"),
            prediction=prediction,
        )
        for listener in self._listeners:
            listener.validated(self._progress(state), told)

    def _exhausted(self, state: State) -> bool:
        """Whether `patience` validations have brought nothing better."""
        patience = self._training.patience
        return patience is not None and state.without_best >= patience

    def _due(self, state: State, every: int) -> bool:
        """Whether something that happens every so many steps happens now: it always does after the last step."""
        return state.step % every == 0 or state.step == self._stage.steps

    def _progress(self, state: State) -> Progress:
        earlier = list(self._system.recipe.stages.values())[: state.stage]
        total = sum(stage.steps for stage in earlier) + state.step
        return Progress(stage=self._name, step=state.step, steps=self._stage.steps, total=total)
