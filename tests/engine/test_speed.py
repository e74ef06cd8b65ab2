"""A profile finds what is slow where it is planted, and counts what closed forms say."""

import itertools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch
from attrs import frozen
from torch import nn
from torch.nn import functional

from tests.engine.problems import Heat
from ups_framework.api import Latent, LossTerm, Problem, Sampler, Sampling, Step, Term
from ups_framework.api.points import Occasion, Points
from ups_framework.builtin.grid_encoder import _GridEncoder
from ups_framework.cli.speed import bound
from ups_framework.engine.device_rates import DeviceRates
from ups_framework.engine.speed import PARTS, StageSpeed, measure_speed
from ups_framework.engine.step_costs import StepCosts, counted
from ups_framework.engine.stopwatch import Stopwatch, seconds_in_turn
from ups_framework.plugins import Registry, load_plugins

if TYPE_CHECKING:
    from tests.engine.conftest import MakeRecipe

CPU = torch.device("cpu")


class Pausing:
    """A clock that shows this process's own time, whatever else the machine does, and pauses of a second."""

    def __init__(self) -> None:
        self._paused = 0.0

    def __call__(self) -> float:
        return time.process_time() + self._paused

    def pause(self) -> None:
        self._paused += 1.0


CLOCK = Pausing()


@frozen(kw_only=True)
class SlowLoss(LossTerm):
    """Takes its time."""

    def build(self, problem: Problem) -> Term:
        def term(step: Step) -> torch.Tensor:
            CLOCK.pause()
            return step.prediction.square().mean()

        return term


@frozen(kw_only=True)
class SlowDraw(Sampler):
    """Takes its time to draw."""

    def build(self, problem: Problem) -> Sampling:
        return _Slow(problem, before=True)


@frozen(kw_only=True)
class SlowLearner(Sampler):
    """Takes its time to learn, which a bare loop does not ask for."""

    def build(self, problem: Problem) -> Sampling:
        return _Slow(problem, before=False)


class _Slow(Sampling):
    def __init__(self, problem: Problem, *, before: bool) -> None:
        super().__init__()
        self.grid, self.before, self.learns = problem.grid, before, not before

    def draw(self, occasion: Occasion) -> Points:
        if self.before:
            CLOCK.pause()
        return Points(coordinates=self.grid.points(), index=torch.arange(self.grid.num_points))

    def observe(self, points: Points, error: torch.Tensor) -> None:
        CLOCK.pause()


Measure = Callable[..., StageSpeed]


@pytest.fixture(scope="module")
def measured(make_recipe: "MakeRecipe") -> Measure:
    """The only stage of a tiny recipe, for a moment."""
    registry: Registry = load_plugins()
    for kind, name, spec in (
        ("dataset", "heat", Heat),
        ("loss", "slow", SlowLoss),
        ("sampler", "slow_draw", SlowDraw),
        ("sampler", "slow_learner", SlowLearner),
    ):
        registry.add(kind, name, spec, "slow")

    def measure(**changes: Any) -> StageSpeed:  # fields of a recipe
        recipe = attrs.evolve(make_recipe(heat=True), **changes)
        speed = measure_speed(recipe, registry, CPU, lambda line: None, clock=CLOCK, budget=0.1)
        (stage,) = speed.stages
        assert speed.rates.flops_per_second > 1e9
        assert speed.rates.bytes_per_second > 1e8
        assert 1e-8 < speed.rates.operation_seconds < 1e-3
        return stage

    return measure


def test_the_parts_of_a_step_and_the_trainer_s_own_are_the_whole_step(measured: Measure) -> None:
    stage = measured()
    assert set(stage.parts) == set(PARTS)
    assert all((stage.parts[part] > 0) is (part != "solver") for part in PARTS)
    assert sum(stage.parts.values()) + stage.trainer_seconds == pytest.approx(stage.step_seconds)
    assert stage.windows_per_second == pytest.approx(4 / stage.step_seconds)


def test_a_slow_loss_is_seen_in_the_losses(measured: Measure, make_recipe: "MakeRecipe") -> None:
    (term,) = make_recipe(heat=True).losses.values()
    stage = measured(losses={"prediction": attrs.evolve(term, loss=SlowLoss())})
    assert stage.parts["losses"] == pytest.approx(1.0, abs=0.1)
    assert stage.step_seconds < 1.2


def test_a_slow_encoder_beside_a_slow_loss_takes_as_long(
    measured: Measure, make_recipe: "MakeRecipe", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the trainer's steps run the encoder as well, and no part of theirs is open."""
    encode = _GridEncoder.forward

    def slowly(encoder: _GridEncoder, *args: Any) -> Latent:  # what an encoder is given
        CLOCK.pause()
        return encode(encoder, *args)

    monkeypatch.setattr(_GridEncoder, "forward", slowly)
    (term,) = make_recipe(heat=True).losses.values()
    parts = measured(losses={"prediction": attrs.evolve(term, loss=SlowLoss())}).parts
    assert parts["encoder"] == pytest.approx(parts["losses"], rel=0.1)
    assert parts["encoder"] == pytest.approx(1.0, abs=0.1)


def test_a_slow_draw_is_seen_in_the_data(measured: Measure) -> None:
    stage = measured(sampler=SlowDraw())
    assert stage.parts["data"] == pytest.approx(1.0, abs=0.1)
    assert stage.data_share > 0.8


def test_what_only_the_trainer_does_is_its_own(measured: Measure) -> None:
    stage = measured(sampler=SlowLearner())
    assert stage.trainer_seconds == pytest.approx(1.0, abs=0.1)
    assert sum(stage.parts.values()) < 0.2


def test_each_moment_counts_for_the_innermost_part() -> None:
    ticks = itertools.count()
    watch = Stopwatch(CPU, lambda: float(next(ticks)))  # each look at the clock takes a second
    with watch.part("losses"):
        with watch.part("encoder"):
            pass
        with watch.part("encoder"):
            pass
    with watch.part("backward"):
        pass
    assert watch.read() == {"losses": 3.0, "encoder": 2.0, "backward": 1.0}
    assert watch.read() == {}


def test_calls_are_timed_in_turn() -> None:
    order: list[tuple[str, int]] = []
    calls = [lambda turn: order.append(("a", turn)), lambda turn: order.append(("b", turn))]
    times = seconds_in_turn(calls, rounds=2, warm_up=1)
    assert order == [("b", -1), ("a", -1), ("a", 0), ("b", 0), ("b", 1), ("a", 1)]
    assert [len(each) for each in times] == [2, 2]


def _count(model: nn.Module, forward: Callable[[], torch.Tensor]) -> StepCosts:
    optimizer = torch.optim.AdamW(model.parameters())
    return counted(lambda: forward().sum().backward(), lambda: _step(optimizer), model, [optimizer])


def _step(optimizer: torch.optim.Optimizer) -> None:
    optimizer.step()


def test_counts_of_a_layer_are_those_of_the_closed_form() -> None:
    batch, width, out = 6, 8, 4
    layer, x = nn.Linear(width, out, bias=False), torch.randn(6, 8)
    costs = _count(layer, lambda: layer(x).square())
    assert costs.flops == 2 * (2 * batch * width * out), "forward, and the weight's gradient; none of x"
    assert costs.optimizer_flops == 0
    assert costs.parameter_bytes == costs.gradient_bytes == 4 * width * out
    assert costs.optimizer_bytes == pytest.approx(2 * 4 * width * out, abs=8), "two moments, and the step"
    assert costs.activation_bytes == costs.written_activation_bytes == 4 * batch * (width + out), (
        "x for the weight's gradient, y for the square's"
    )
    assert costs.held_bytes == 4 * width * out * 3 + costs.optimizer_bytes + costs.activation_bytes
    assert 3 <= costs.operations < 40


def test_batches_whose_gradients_add_up_keep_activations_one_after_another() -> None:
    layer, batches = nn.Linear(8, 4, bias=False), [torch.randn(6, 8) for _ in range(3)]
    optimizer = torch.optim.AdamW(layer.parameters())

    def gradients() -> None:
        for x in batches:
            layer(x).square().sum().backward()

    costs, once = counted(gradients, optimizer.step, layer, [optimizer]), 4 * 6 * (8 + 4)
    assert (costs.activation_bytes, costs.written_activation_bytes) == (once, 3 * once)


def test_attention_is_counted_on_the_cpu_too() -> None:
    width, tokens = 8, 16
    layer, x = nn.Linear(width, width, bias=False), torch.randn(2, 3, tokens, width)

    def forward() -> torch.Tensor:
        z = layer(x)
        return functional.scaled_dot_product_attention(z, z, z)

    product = 2 * 2 * 3 * tokens * tokens * width
    assert _count(layer, forward).flops == 2 * (2 * 2 * 3 * tokens * width**2) + 2 * product + 5 * product


@pytest.mark.parametrize(
    ("counts", "data", "words"),
    [
        ({"flops": 8 * 10**9}, 0.0, "bound by arithmetic: its matrix products"),
        ({"written_activation_bytes": 4 * 10**9}, 0.0, "bound by memory bandwidth"),
        ({"operations": 800_000}, 0.0, "bound by the overhead of many small operations"),
        ({}, 0.9, "bound by drawing its batch"),
        ({"flops": 2 * 10**9}, 0.0, "bound by no one thing; most by arithmetic"),
    ],
)
def test_what_bounds_a_step_is_said_in_a_sentence(counts: dict[str, int], data: float, words: str) -> None:
    nothing = dict.fromkeys((field.name for field in attrs.fields(StepCosts)), 0)
    stage = StageSpeed(
        name="operator",
        frames=1,
        windows=4,
        step_seconds=1.0,
        bare_seconds=1.0,
        parts={**dict.fromkeys(PARTS, 0.0), "data": data},
        peak_mib=1.0,
        costs=StepCosts(**{**nothing, **counts}),
    )
    rates = DeviceRates(flops_per_second=1e10, bytes_per_second=1e10, operation_seconds=1e-6)
    assert bound(stage, rates).startswith(words)
