"""What a loss term promises."""

from collections.abc import Iterator

import attrs
import torch
from torch import Tensor

from ups_framework.api import Model, Points, Step, Term
from ups_framework.numerics.random import generator
from ups_framework.testing.checks import Suite, Use, shape_problems
from ups_framework.testing.models import Oracle, small_simulator
from ups_framework.testing.settings import Setting
from ups_framework.testing.subject import Subject

_PREDICTED = 2
_ZERO = 1e-4
"""A term that is zero on the truth may have rounding errors of this size; terms are relative to the fields."""


def _points(setting: Setting, dtype: torch.dtype) -> Points:
    """Every third point."""
    index = torch.arange(0, setting.problem.grid.num_points, 3)
    return Points(coordinates=setting.problem.grid.points()[index].to(dtype), index=index)


def _step(setting: Setting, model: Model, truth: Tensor, *, whole_grid: bool) -> Step:
    return Step(
        model=model,
        truth=truth,
        parameters=setting.trajectories.parameters.to(truth),
        points=_points(setting, truth.dtype),
        whole_grid=whole_grid,
    )


def _small(subject: Subject, predicted: int = _PREDICTED) -> Step:
    """The step of a small simulator."""
    setting = subject.setting
    truth = setting.trajectories.values[:, : predicted + 1]
    return _step(setting, small_simulator(setting), truth, whole_grid=type(subject.spec).whole_grid)


def _use(subject: Subject) -> Use:
    step = _small(subject)
    computed = [step.prediction, step.prediction_on_grid, step.target, step.advanced(1).tokens]
    computed += [step.reconstruction, step.reconstruction_on_grid, step.reconstruction_target, step.encoded(0).tokens]
    given = [step.truth, step.parameters, step.points.coordinates, *computed]
    return Use(given=given, call=lambda: [_value(subject, step)])


def _value(subject: Subject, step: Step) -> Tensor:
    term: Term = subject.build()
    return term(step).detach()


def is_a_finite_scalar_for_any_number_of_frames(subject: Subject) -> Iterator[str]:
    """With 0, 1 and 2 predicted frames."""
    term: Term = subject.build()
    for predicted in (0, 1, _PREDICTED):
        value = term(_small(subject, predicted))
        yield from shape_problems(f"its value with {predicted} predicted frames", value, (), torch.float32)


def reaches_the_model(subject: Subject) -> Iterator[str]:
    """Its gradient in encoder, operator or decoder is finite and not zero, for one problem at least."""
    step = _small(subject)
    value = subject.build()(step)
    if not value.requires_grad:
        yield "its value has no gradient: it is detached, or reads nothing that a model makes"
        return
    parts = dict(step.model.parts)  # type: ignore[attr-defined]  # a small simulator
    parameters = [parameter for part in parts.values() for parameter in part.parameters()]
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    found = [gradient for gradient in gradients if gradient is not None and bool(gradient.any())]
    if not found:
        yield "its gradient is zero in encoder, operator and decoder"
    if not all(bool(gradient.isfinite().all()) for gradient in found):
        yield "its gradient is not finite"


def is_a_mean_over_the_batch(subject: Subject) -> Iterator[str]:
    """Every sample twice has the value of every sample once; a sum or a weight by batch size has another."""
    setting, term = subject.setting, subject.build()
    once = float(term(_small(subject)).detach())
    values, parameters = (
        torch.cat([part, part]) for part in (setting.trajectories.values, setting.trajectories.parameters)
    )
    doubled = attrs.evolve(setting.trajectories, values=values, parameters=parameters)
    twice = float(term(_small(attrs.evolve(subject, setting=attrs.evolve(setting, trajectories=doubled)))).detach())
    if abs(twice - once) > 1e-4 * abs(once) + 1e-7:
        yield f"with every sample twice its value is {twice:.4g} instead of {once:.4g}: take the mean over the batch"


def says_when_it_reads_the_whole_grid(subject: Subject) -> Iterator[str]:
    """`whole_grid` is true if, and only if, it reads a field `..._on_grid`."""
    setting = subject.setting
    truth = setting.trajectories.values[:, : _PREDICTED + 1]
    step = _step(setting, small_simulator(setting), truth, whole_grid=False)
    subject.build()(step)
    read = [name for name in ("prediction_on_grid", "reconstruction_on_grid") if name in vars(step)]
    if read and not type(subject.spec).whole_grid:
        yield f"it reads {read[0]} without `whole_grid = True`, so that everything is decoded twice"
    if not read and type(subject.spec).whole_grid:
        yield "it says `whole_grid = True` and reads nothing on the grid, so that every step decodes too much"


def computes_in_the_precision_of_its_step(subject: Subject) -> Iterator[str]:
    """Fields in float64 give a value in float64."""
    truth = subject.setting.trajectories.values.double()
    predictions = truth + _disturbance(truth)
    model = Oracle(subject.setting.problem, predictions)
    value = subject.build()(_step(subject.setting, model, truth, whole_grid=type(subject.spec).whole_grid))
    yield from shape_problems("its value for fields in float64", value, (), torch.float64)


def is_on_truth_what_it_says(subject: Subject) -> Iterator[str]:
    """`zero`, `least` or `any`, as its class variable `on_truth` has it."""
    says = type(subject.spec).on_truth
    if says == "any":
        return
    truth = subject.setting.trajectories.values.double()
    right = _of_oracle(subject, truth, truth)
    if says == "zero" and abs(right) > _ZERO:
        yield f"on_truth is 'zero', but where predictions are the truth its value is {right:.3g}"
    for size in (1e-2, 1e-1):
        other = _of_oracle(subject, truth, truth + size * _disturbance(truth))
        if other < right - 1e-9 - 1e-6 * abs(right):
            yield f"on_truth is {says!r}, but a prediction that is off by {size:.0%} has {other:.4g}, truth {right:.4g}"


def _of_oracle(subject: Subject, truth: Tensor, predictions: Tensor) -> float:
    model = Oracle(subject.setting.problem, predictions)
    return float(subject.build()(_step(subject.setting, model, truth, whole_grid=type(subject.spec).whole_grid)))


def _disturbance(truth: Tensor) -> Tensor:
    """Noise of the fields' own size."""
    noise = torch.randn(truth.shape, generator=generator(0, "conformance", "noise"), dtype=torch.float64)
    return noise * truth.std()


SUITE = Suite(
    use=_use,
    checks=(
        is_a_finite_scalar_for_any_number_of_frames,
        is_a_mean_over_the_batch,
        says_when_it_reads_the_whole_grid,
        computes_in_the_precision_of_its_step,
        is_on_truth_what_it_says,
    ),
    somewhere=(reaches_the_model,),
)
