"""What a metric promises."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ups_framework.api import Measure
from ups_framework.testing.checks import Suite, Use, distance, shape_problems
from ups_framework.testing.subject import Subject


def _measured(subject: Subject, prediction: Tensor, truth: Tensor) -> Tensor:
    measure: Measure = subject.build()
    return measure(prediction, truth, subject.setting.problem.grid)


def _use(subject: Subject) -> Use:
    truth = subject.setting.trajectories.values
    prediction = 0.9 * truth
    return Use(given=[prediction, truth], call=lambda: [_measured(subject, prediction, truth)])


def gives_one_number_a_step_and_channel(subject: Subject) -> Iterator[str]:
    """(T C), finite."""
    truth = subject.setting.trajectories.values
    shape = (truth.shape[1], subject.setting.problem.num_channels)
    yield from shape_problems("what it gives", _measured(subject, 0.9 * truth, truth), shape, torch.float32)


def states_a_closed_form(subject: Subject) -> Iterator[str]:
    """`closed_form` gives a case for one problem at least."""
    if subject.spec.closed_form(subject.setting.problem) is None:
        yield "it states no value that follows by hand from its formula: define `closed_form`"


def has_the_value_of_its_closed_form(subject: Subject) -> Iterator[str]:
    """To a relative 1e-5."""
    case = subject.spec.closed_form(subject.setting.problem)
    if case is None:
        return
    found = _measured(subject, case.prediction, case.truth)
    if found.shape != case.value.shape:
        yield f"its closed form has the shape {tuple(case.value.shape)}, what it gives {tuple(found.shape)}"
    elif distance(found, case.value) > 1e-5:
        step, channel = divmod(int((found - case.value).abs().argmax()), found.shape[1])
        value, other = float(case.value[step, channel]), float(found[step, channel])
        yield f"at step {step} of channel {channel} its closed form is {value:.6g}, and it gives {other:.6g}"


def measures_in_the_precision_of_its_input(subject: Subject) -> Iterator[str]:
    """Fields in float64 give values in float64."""
    truth = subject.setting.trajectories.values.double()
    found = _measured(subject, 0.9 * truth, truth)
    yield from shape_problems("what it gives for float64", found, tuple(found.shape), torch.float64)


def calls_a_worse_prediction_worse(subject: Subject) -> Iterator[str]:
    """Lower is better: noise of the fields' own size is no improvement on noise of a hundredth of it."""
    truth = subject.setting.trajectories.values
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(0)) * truth.std()
    good, bad = (_measured(subject, truth + size * noise, truth).mean() for size in (0.01, 1.0))
    if bool(bad < good):
        yield f"a prediction with 1 % noise scores {good:.4g}, one with 100 % noise {bad:.4g}: lower should be better"


SUITE = Suite(
    use=_use,
    checks=(
        gives_one_number_a_step_and_channel,
        has_the_value_of_its_closed_form,
        measures_in_the_precision_of_its_input,
        calls_a_worse_prediction_worse,
    ),
    somewhere=(states_a_closed_form,),
)
