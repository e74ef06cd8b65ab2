"""What is measured is what it is called, on test data, in physical units."""

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from ups_framework.api import Data
from ups_framework.engine.evaluate import Protocol, evaluate, forecast_of, on_training_grid
from ups_framework.errors import RecipeError

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train, Trained

ROWS = {"model", "persistence", "spatial_mean", "reconstruction"}


@pytest.fixture(scope="module")
def trained(train: "Train") -> "Trained":
    return train('metrics.rmse.use="rmse"')


def nrmse(prediction: Tensor, truth: Tensor) -> Tensor:
    """Per frame, of fields with one channel: PDEBench's, averaged over trajectories."""
    error = (prediction - truth).square().mean(2).sqrt() / truth.square().mean(2).sqrt()
    return error.mean((0, 2))


def coarse_test(data: Data) -> Tensor:
    """The test split at every second point, by hand."""
    return data.test.values[:, :, ::2]


def test_the_rows_of_the_baselines_are_the_errors_that_can_be_written_down(trained: "Trained") -> None:
    rows, truth = evaluate(trained.system, trained.data)[0]["rows"], coarse_test(trained.data)
    start, after = truth[:, :1], truth[:, 1:]
    assert set(rows) == ROWS
    assert rows["persistence"]["rollout"]["by_step"] == pytest.approx(nrmse(start, after).tolist(), rel=1e-5)
    assert rows["persistence"]["rollout"]["nrmse"] == pytest.approx(nrmse(start, after).mean().item(), rel=1e-5)
    one_step = nrmse(truth[:, :-1], after).mean().item()
    assert rows["persistence"]["one_step"]["nrmse"] == pytest.approx(one_step, rel=1e-5)
    mean = start.mean(2, keepdim=True)
    assert rows["spatial_mean"]["rollout"]["nrmse"] == pytest.approx(nrmse(mean, after).mean().item(), rel=1e-5)
    means = truth[:, :-1].mean(2, keepdim=True)
    assert rows["spatial_mean"]["one_step"]["nrmse"] == pytest.approx(nrmse(means, after).mean().item(), rel=1e-5)


def test_the_row_of_the_model_is_its_rollout_against_truth(trained: "Trained") -> None:
    evaluation, rollout = evaluate(trained.system, trained.data)
    truth, simulator = coarse_test(trained.data), trained.system.simulator
    again = simulator.rollout(truth[:, 0], 7, parameters=trained.data.test.parameters)
    assert torch.equal(rollout, again)
    row = evaluation["rows"]["model"]
    assert row["rollout"]["by_step"] == pytest.approx(nrmse(again, truth[:, 1:]).tolist(), rel=1e-5)
    first = simulator.rollout(truth[:, 4], 1, parameters=trained.data.test.parameters)
    protocol = Protocol(context=1, batch=64)
    each = protocol.one_step(forecast_of(simulator), on_training_grid(trained.data))
    assert (each[:, 4] - first[:, 0]).abs().max() < 1e-6


def test_the_row_of_the_reconstruction_is_decode_of_encode_of_the_truth(trained: "Trained") -> None:
    row = evaluate(trained.system, trained.data)[0]["rows"]["reconstruction"]
    truth, simulator = coarse_test(trained.data), trained.system.simulator
    with torch.no_grad():
        frames = [simulator.encode(truth[:, frame], trained.data.test.parameters) for frame in range(1, 8)]
        again = torch.stack([simulator.decode(latent, simulator.grid_points) for latent in frames], dim=1)
    assert row["rollout"]["by_step"] == pytest.approx(nrmse(again, truth[:, 1:]).tolist(), rel=1e-5)
    assert row["one_step"]["nrmse"] == row["rollout"]["nrmse"]


def test_by_step_has_one_entry_a_predicted_frame_and_by_field_one_a_channel(trained: "Trained") -> None:
    evaluation, _ = evaluate(trained.system, trained.data)
    for row in evaluation["rows"].values():
        assert len(row["rollout"]["by_step"]) == 7
        assert list(row["rollout"]["by_field"]) == ["u"]
        assert set(row["one_step"]) == {"nrmse", "rmse"}
    assert evaluation["schema"] == 1
    assert evaluation["protocol"] == {"exact": True, "context": 1, "predicted": 7}


def test_predictions_start_after_the_last_given_frame(train: "Train") -> None:
    run = train("evaluation.context=3", "stages.operator.steps=0")
    evaluation, rollout = evaluate(run.system, run.data)
    truth = coarse_test(run.data)
    by_hand = nrmse(truth[:, 2:3], truth[:, 3:])
    assert rollout.shape[1] == 5
    assert evaluation["rows"]["persistence"]["rollout"]["by_step"] == pytest.approx(by_hand.tolist(), rel=1e-5)


def test_trajectories_at_once_change_no_number(train: "Train", prepare_recipe: "Prepare") -> None:
    run = train()
    other = prepare_recipe("evaluation.batch=3")
    other.system.simulator.load_state_dict(run.weights())
    ours, theirs = (evaluate(item.system, item.data)[1] for item in (run, other))
    assert (ours - theirs).abs().max() < 1e-5


def test_super_resolution_at_factor_one_is_the_rollout_of_the_model(trained: "Trained") -> None:
    evaluation, _ = evaluate(trained.system, trained.data)
    same = evaluation["rows"]["model"]["rollout"]["nrmse"]
    assert set(evaluation["super_resolution"]) == {"1", "2"}
    assert evaluation["super_resolution"]["1"]["nrmse"] == pytest.approx(same, rel=1e-5)


def test_super_resolution_is_measured_against_truth_of_that_resolution(prepare_recipe: "Prepare") -> None:
    """An untrained simulator is persistence of the interpolated start, so that its error is nearly persistence's."""
    prepared = prepare_recipe()
    fine = prepared.data.test.values
    persistence = nrmse(fine[:, :1], fine[:, 1:]).mean().item()
    score = evaluate(prepared.system, prepared.data)[0]["super_resolution"]["2"]["nrmse"]
    assert score == pytest.approx(persistence, rel=1e-2)


def test_an_evaluation_leaves_the_simulator_s_weights_as_they_were(trained: "Trained") -> None:
    before = {name: tensor.clone() for name, tensor in trained.weights().items()}
    evaluate(trained.system, trained.data)
    assert all(torch.equal(tensor, before[name]) for name, tensor in trained.weights().items())


def test_a_context_that_leaves_nothing_to_predict_is_a_mistake(prepare_recipe: "Prepare") -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.context: 8 given frames leave nothing .* the data has 8"):
        prepare_recipe("evaluation.context=8")


def test_a_resolution_that_the_test_split_lacks_is_a_mistake(prepare_recipe: "Prepare") -> None:
    with pytest.raises(RecipeError) as refused:
        prepare_recipe("evaluation.super_resolution=[1, 3, 4, 8]")
    assert [mistake.path for mistake in refused.value.mistakes] == ["evaluation.super_resolution"] * 3
    assert "4 is not possible: the test split has 2 times the training resolution" in str(refused.value)


def test_more_unrolled_frames_than_the_training_data_has_are_a_mistake(prepare_recipe: "Prepare") -> None:
    """The extent counts the frames of the split that has the fewest."""
    with pytest.raises(RecipeError, match=r"stages\.operator\.unroll: 5 .* the data has 4 frames"):
        prepare_recipe("stages.operator.unroll=5", "data.train_frames=4")


def test_all_that_is_impossible_is_said_at_once(prepare_recipe: "Prepare") -> None:
    with pytest.raises(RecipeError) as refused:
        prepare_recipe("evaluation.context=9", "evaluation.super_resolution=[3]", "stages.operator.unroll=8")
    paths = [mistake.path for mistake in refused.value.mistakes]
    assert paths == ["evaluation.context", "evaluation.super_resolution", "stages.operator.unroll"]
