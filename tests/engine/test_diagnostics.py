"""Diagnostics: closed forms of what they measure, and that a run is the same with and without them."""

import io
import math
from typing import TYPE_CHECKING

import attrs
import pytest
import torch

from ups_framework.engine.batches import Batches
from ups_framework.engine.diagnostics import Diagnosis, effective_rank, singular_values
from ups_framework.engine.evaluate import validation_prediction
from ups_framework.engine.spikes import MEMORY, count_spikes, remembered
from ups_framework.engine.state import State, begin_stage
from ups_framework.engine.trace import Trace
from ups_framework.engine.train_step import train_step

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train


def rotation(size: int, seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    orthogonal: torch.Tensor = torch.linalg.qr(torch.randn(size, size, generator=draw, dtype=torch.float64))[0]
    return orthogonal


def rows_with(singular_values: list[float]) -> torch.Tensor:
    """A 12 × 5 matrix with these singular values."""
    diagonal = torch.zeros(12, 5, dtype=torch.float64)
    for index, value in enumerate(singular_values):
        diagonal[index, index] = value
    return (rotation(12, 0) @ diagonal @ rotation(5, 1)).float()


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_the_effective_rank_of_equal_singular_values_is_their_number(rank: int) -> None:
    assert effective_rank(singular_values(rows_with([7.0] * rank))) == pytest.approx(rank, rel=1e-4)


def test_the_effective_rank_is_the_exponential_of_the_entropy_of_the_normalised_singular_values() -> None:
    expected = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert effective_rank(singular_values(rows_with([3.0, 1.0]))) == pytest.approx(expected, rel=1e-4)


def test_singular_values_come_with_the_largest_first() -> None:
    assert singular_values(rows_with([1.0, 7.0, 3.0])).tolist() == pytest.approx([7.0, 3.0, 1.0, 0.0, 0.0], abs=1e-3)


def test_latents_that_do_not_depend_on_the_field_have_rank_zero() -> None:
    assert effective_rank(singular_values(torch.zeros(4, 3))) == 0.0


def test_the_range_of_the_training_data_themselves_is_one_and_twice_their_deviation_is_two(
    prepare_recipe: "Prepare",
) -> None:
    prepared = prepare_recipe()
    simulator, data = prepared.system.simulator.eval(), prepared.data
    diagnose = Diagnosis(prepared.system, data)
    once = diagnose(simulator, data.train.values, advances=True)
    assert (once.range_below["u"], once.range_above["u"]) == pytest.approx((1.0, 1.0), rel=1e-5)
    wider = diagnose(simulator, simulator.mean + 2 * (data.train.values - simulator.mean), advances=True)
    assert (wider.range_below["u"], wider.range_above["u"]) == pytest.approx((2.0, 2.0), rel=1e-5)
    flat = diagnose(simulator, simulator.mean + torch.zeros_like(data.train.values), advances=True)
    assert (flat.range_below["u"], flat.range_above["u"]) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_a_transform_that_doubles_latents_doubles_their_norm_and_leaves_their_rank(prepare_recipe: "Prepare") -> None:
    plain, doubled = prepare_recipe(), prepare_recipe("latent_transforms.doubled.use=doubled")
    one, two = (
        Diagnosis(each.system, each.data)(each.system.simulator.eval(), each.data.validation.values, advances=False)
        for each in (plain, doubled)
    )
    assert two.token_norm_mean == pytest.approx(2 * one.token_norm_mean, rel=1e-5)
    assert two.token_norm_sd == pytest.approx(2 * one.token_norm_sd, rel=1e-4)
    assert two.effective_rank == pytest.approx(one.effective_rank, rel=1e-4)


def test_an_encoder_that_ignores_its_field_has_rank_zero(prepare_recipe: "Prepare") -> None:
    """Positions give its tokens many directions, but none that depends on the field."""
    prepared = prepare_recipe()
    data = prepared.data
    same = data.validation.values[:1, :1].expand_as(data.validation.values)
    validation = attrs.evolve(data.validation, values=same, parameters=torch.ones_like(data.validation.parameters))
    diagnose = Diagnosis(prepared.system, attrs.evolve(data, validation=validation))
    blind = diagnose(prepared.system.simulator.eval(), same, advances=False)
    seeing = Diagnosis(prepared.system, data)(prepared.system.simulator, same, advances=False)
    assert blind.effective_rank == 0.0
    assert seeing.effective_rank > 1.5


def test_training_gives_the_same_bits_with_and_without_diagnostics(prepare_recipe: "Prepare") -> None:
    def trained(*, diagnosed: bool) -> State:
        prepared = prepare_recipe("operator.depth=2", "operator.drop_path=0.2", "latent_transforms.noisy.use=noisy")
        system, data = prepared.system, prepared.data
        state, trace = begin_stage(system, 1), Trace(system.recipe.stages["operator"].losses)
        batches, diagnose = Batches(system, data, "operator"), Diagnosis(system, data)
        for _ in range(6):
            train_step(system, "operator", batches, state, trace)
            if diagnosed:
                prediction = validation_prediction(system, state.average, data.validation, "rollout")
                diagnose(state.average, prediction, advances=True)
        return state

    before = torch.random.get_rng_state()
    with_them = trained(diagnosed=True).tensors()
    without = trained(diagnosed=False).tensors()
    for part in ("simulator", "average"):
        assert all(torch.equal(tensor, without[part][name]) for name, tensor in with_them[part].items())
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_validation_of_a_run_is_diagnosed(train: "Train") -> None:
    run = train()
    assert len(run.log.diagnosed) == len(run.log.validated_at) > 0
    for diagnostics in run.log.diagnosed:
        assert all(math.isfinite(value) for value in diagnostics.values().values())
        assert set(diagnostics.values()) == {
            *("token_norm_mean", "token_norm_sd", "effective_rank", "range_below.u", "range_above.u")
        }


def test_a_norm_more_than_five_times_the_running_median_is_a_spike() -> None:
    steady = [1.0] * 20
    assert count_spikes(steady, [1.0, 4.9, 5.1, 1.0, 50.0]) == 2
    assert count_spikes([], [1.0] * 10 + [6.0]) == 1
    assert count_spikes([], [1.0] * 9 + [6.0]) == 0


def test_a_slow_rise_is_no_spike_because_the_median_follows() -> None:
    assert count_spikes([], [1.02**step for step in range(1000)]) == 0


def test_what_is_remembered_counts_as_if_all_norms_were_known() -> None:
    draw = torch.Generator().manual_seed(0)
    norms = torch.randn(600, generator=draw).exp().pow(1.5).tolist()
    before, pieces = list[float](), 0
    for start in range(0, 600, 37):
        pieces += count_spikes(before, norms[start : start + 37])
        before = remembered(before, norms[start : start + 37])
    assert len(before) == MEMORY
    assert pieces == count_spikes([], norms) > 0


def test_a_resumed_run_remembers_the_gradient_norms(train: "Train") -> None:
    settings = ("stages.autoencode.steps=0", "training.log_every=1", "training.checkpoint_every=4")
    whole = train(*settings)
    stopped = train(*settings, stop_after=8)
    resumed = train(*settings, checkpoint=stopped.saved[-1])
    assert len(stopped.checkpoint(-1)["gradient_norms"]) == 8
    assert resumed.checkpoint(-2)["gradient_norms"] == whole.checkpoint(-2)["gradient_norms"]


def test_the_trace_gives_the_gradient_norm_of_each_step() -> None:
    trace = Trace(["prediction"])
    for norm in (1.0, 2.0, 30.0):
        trace.add(torch.ones(1), torch.ones(1), torch.tensor(norm))
    means = trace.read("operator", 3)
    assert means.gradient_norms == [1.0, 2.0, 30.0]
    assert means.gradient_norm == 11.0


def test_gradients_that_grow_tenfold_at_once_are_recorded_as_spikes(train: "Train") -> None:
    """Restored into a run whose norms so far were far smaller, each of the next steps is a spike, until it is not."""
    settings = ("stages.autoencode.steps=0", "training.log_every=1", "stages.operator.steps=20")
    stopped = train(*settings, stop_after=12)
    payload = stopped.checkpoint(-1)
    payload["gradient_norms"] = [norm / 100 for norm in payload["gradient_norms"]]
    file = io.BytesIO()
    torch.save(payload, file)
    calm = train(*settings, checkpoint=stopped.saved[-1])
    shaken = train(*settings, checkpoint=file.getvalue())
    assert [record.gradient_spikes for _, _, record in calm.log.trained_at] == [0] * 8
    assert [record.gradient_spikes for _, _, record in shaken.log.trained_at] == [1] * 8
