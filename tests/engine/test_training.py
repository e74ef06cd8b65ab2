"""One step of training: average, micro-batches, clipping, precision, unrolling, and what the network predicts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from tests.engine.validation import rollout_nrmse
from ups_framework.engine.batches import Batches
from ups_framework.engine.prepare import Prepared
from ups_framework.engine.schedules import ema_decay
from ups_framework.engine.state import State, begin_stage
from ups_framework.engine.trace import Trace
from ups_framework.engine.train_step import train_step

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train, Trained

ONE_STEP = ("stages.autoencode.steps=0", "stages.operator.steps=1", "optimizer.warmup=0.0", "training.log_every=1")


def distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Largest difference of any weight."""
    return max(float((tensor - other[name]).detach().abs().max()) for name, tensor in one.items())


def steps_of(prepared: Prepared, count: int) -> list[tuple[dict[str, Tensor], State]]:
    """The weights after each of the first steps of the stage `operator`, and the state."""
    state, trace = begin_stage(prepared.system, 1), Trace(prepared.system.recipe.stages["operator"].losses)
    batches, found = Batches(prepared.system, prepared.data, "operator"), []
    for _ in range(count):
        train_step(prepared.system, "operator", batches, state, trace)
        found.append(({name: t.clone() for name, t in state.simulator.named_parameters()}, state))
    return found


@pytest.mark.parametrize("decay", [0.15, 0.999])
def test_the_average_is_the_formula_s_of_the_weights_after_each_step(prepare_recipe: "Prepare", decay: float) -> None:
    prepared = prepare_recipe(f"optimizer.ema={decay}")
    by_hand = {name: t.detach().double() for name, t in prepared.system.simulator.named_parameters()}
    steps = steps_of(prepared, 6)
    for step, (weights, _) in enumerate(steps):
        keep = ema_decay(decay, step + 1)
        by_hand = {name: keep * average + (1 - keep) * weights[name] for name, average in by_hand.items()}
    averages = dict(steps[-1][1].average.named_parameters())
    assert distance(averages, by_hand) < 1e-6
    assert distance(averages, steps[-1][0]) > 1e-5


def test_without_an_average_the_weights_themselves_are_taken(prepare_recipe: "Prepare") -> None:
    ((weights, state),) = steps_of(prepare_recipe("optimizer.ema=0.0"), 1)
    assert distance(dict(state.average.named_parameters()), weights) == 0.0


def test_what_is_validated_and_taken_on_is_the_average(train: "Train") -> None:
    run = train("stages.autoencode.steps=0", "training.validate_every=100", "optimizer.learning_rate=1e-2")
    end, figure = run.checkpoint(1), run.log.validated_at[-1][3]
    assert distance(end["average"], end["simulator"]) > 1e-4
    assert distance(run.weights(), end["average"]) == 0.0
    assert rollout_nrmse(run.system, run.system.simulator.eval(), run.data.validation) == figure
    run.system.simulator.load_state_dict(end["simulator"])
    assert rollout_nrmse(run.system, run.system.simulator, run.data.validation) != figure


def test_accumulating_equals_a_larger_batch(train: "Train") -> None:
    settings = (*ONE_STEP, "optimizer.ema=0.0")
    whole = train(*settings, "training.batch=8", "training.accumulate=1")
    pieces = train(*settings, "training.batch=2", "training.accumulate=4")
    assert distance(whole.weights(), pieces.weights()) < 1e-5
    for name, value in whole.log.trained_at[0][2].raw.items():
        assert pieces.log.trained_at[0][2].raw[name] == pytest.approx(value, rel=1e-4)


def test_clipping_scales_the_gradient_and_logs_its_norm_as_it_was(prepare_recipe: "Prepare", train: "Train") -> None:
    norms = []
    for clip in (1e-3, 1e6):
        prepared = prepare_recipe(f"optimizer.clip={clip}")
        steps_of(prepared, 1)
        gradients = [p.grad.flatten() for p in prepared.system.simulator.parameters() if p.grad is not None]
        norms.append(torch.cat(gradients).norm().item())
    clipped, free = (train(*ONE_STEP, f"optimizer.clip={clip}").log.trained_at[0][2] for clip in (1e-3, 1e6))
    assert norms[0] == pytest.approx(1e-3, rel=1e-2)
    assert clipped.gradient_norm == free.gradient_norm == pytest.approx(norms[1], rel=1e-4)
    assert norms[1] > 0.01


def test_a_tiny_clip_makes_the_weights_change_less(train: "Train", prepare_recipe: "Prepare") -> None:
    """Adam divides by the size of the gradient, so that only a clip far below its ε holds the weights back."""
    start, settings = prepare_recipe().system.simulator.state_dict(), (*ONE_STEP, "optimizer.weight_decay=0.0")
    clipped, free = (train(*settings, f"optimizer.clip={clip}").weights() for clip in (1e-12, 1e6))
    assert distance(clipped, start) < 0.01 * distance(free, start)


def test_bfloat16_changes_numbers_slightly_and_losses_stay_in_float32(train: "Train") -> None:
    exact, rounded = (train("training.log_every=1", f"training.precision={p}") for p in ("float32", "bfloat16"))
    assert distance(exact.weights(), rounded.weights()) > 0.0
    for (_, _, one), (_, _, other) in zip(exact.log.trained_at, rounded.log.trained_at, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=0.05)
    system, truth = rounded.system, rounded.data.validation
    batch = Batches(system, rounded.data, "operator").audit_step(0)
    assert batch.encoded(0).tokens.dtype == batch.prediction.dtype == torch.float32
    assert {value.dtype for value in system.objectives["operator"].raw(batch)} == {torch.float32}
    assert {tensor.dtype for tensor in rounded.weights().values()} == {torch.float32}
    rollout = system.simulator.eval().rollout(truth.values[:, 0], 2, parameters=truth.parameters)
    assert rollout.dtype == torch.float32


def encoder_gradient(prepared: Prepared) -> tuple[float, Tensor]:
    """Gradient norm of the encoder from the third predicted frame's last operator step, and the prediction."""
    begin_stage(prepared.system, 1)
    batch = Batches(prepared.system, prepared.data, "operator").audit_step(0)
    prediction = batch.prediction
    prediction[:, 2].square().sum().backward()
    gradients = [p.grad.flatten() for p in prepared.system.simulator.encoder.parameters() if p.grad is not None]
    return float(torch.cat(gradients).norm()) if gradients else 0.0, prediction.detach()


def test_detaching_cuts_the_gradient_and_changes_no_value(prepare_recipe: "Prepare") -> None:
    """Decoded as a state, the third frame reaches the encoder through three operator steps, or not at all."""
    whole, cut, once = (
        encoder_gradient(
            prepare_recipe(
                "simulator.predicts=state", "simulator.rollout=latent", f"stages.operator.detach_every={every}"
            )
        )
        for every in (0, 1, 3)
    )
    assert torch.equal(whole[1], cut[1])
    assert whole[0] > 0.0
    assert cut[0] == 0.0
    assert once[0] == whole[0]


@pytest.mark.parametrize("rollout", ["latent", "field"])
@pytest.mark.parametrize("heat", [False, True])
def test_an_untrained_operator_that_predicts_the_change_is_persistence(
    prepare_recipe: "Prepare", heat: bool, rollout: str
) -> None:
    prepared = prepare_recipe("simulator.predicts=change", f"simulator.rollout={rollout}", heat=heat)
    truth = prepared.data.validation
    start = truth.values[:, 0]
    frames = prepared.system.simulator.eval().rollout(start, 3, parameters=truth.parameters)
    assert (frames - start[:, None]).abs().max() < 2e-6 * start.abs().max()


def test_an_untrained_operator_that_predicts_the_state_gives_the_reconstruction(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe("simulator.predicts=state", "simulator.rollout=latent")
    truth, simulator = prepared.data.validation, prepared.system.simulator.eval()
    start = truth.values[:, 0]
    rollout = simulator.rollout(start, 2, parameters=truth.parameters)
    with torch.no_grad():
        again = simulator.decode(simulator.encode(start, truth.parameters), simulator.grid_points)
    assert (rollout - again[:, None]).abs().max() < 1e-6
    assert (again - start).abs().max() > 0.1


def test_values_are_normalised_by_the_training_split(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe()
    values, simulator = prepared.data.train.values, prepared.system.simulator
    assert simulator.mean.item() == pytest.approx(values.mean().item(), abs=1e-6)
    assert simulator.sd.item() == pytest.approx(values.std().item(), rel=1e-5)


def test_records_say_how_many_points_were_used(train: "Train") -> None:
    used = {(record.points_used, record.points_total) for _, _, record in train().log.trained_at}
    assert used == {(16, 32)}


def runs_learn(run: "Trained") -> tuple[float, float]:
    """First and last loss."""
    return run.log.trained_at[0][2].loss, run.log.trained_at[-1][2].loss


def test_training_lowers_the_loss(train: "Train") -> None:
    settings = ("stages.autoencode.steps=0", "stages.operator.steps=60", "stages.operator.unroll=1")
    first, last = runs_learn(train(*settings, "optimizer.learning_rate=3e-3", "training.validate_every=100"))
    assert last < 0.7 * first
