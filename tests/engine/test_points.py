"""What is supervised: sets of points shared, for each sample and for each frame, on the grid and off it."""

from typing import TYPE_CHECKING

import pytest
import torch

from ups_framework.api import Step
from ups_framework.engine.batches import Batches

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train

UNIFORM = "{use = 'uniform', points = 8}"
SETS = {
    "shared": UNIFORM,
    "per_sample": f"{{use = 'per_sample', sampler = {UNIFORM}}}",
    "per_frame": f"{{use = 'per_frame', sampler = {UNIFORM}}}",
    "both": f"{{use = 'per_frame', sampler = {{use = 'per_sample', sampler = {UNIFORM}}}}}",
}


def batches_of(prepare_recipe: "Prepare", sampler: str, *settings: str, batches: int = 1) -> list[Step]:
    prepared = prepare_recipe(f"sampler={sampler}", "operator.depth=1", *settings)
    for parameter in prepared.system.simulator.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))
    return list(Batches(prepared.system, prepared.data, "operator").steps("train", 5, 3, batches))


@pytest.mark.parametrize("sets", SETS)
def test_decoded_at_its_points_a_step_has_the_values_that_its_whole_grid_has_there(
    prepare_recipe: "Prepare", sets: str
) -> None:
    (batch,) = batches_of(prepare_recipe, SETS[sets])
    with torch.no_grad():
        torch.testing.assert_close(batch.prediction, batch.points.read(batch.prediction_on_grid), rtol=1e-4, atol=1e-5)
        picked = batch.points.of_frame(1).read(batch.reconstruction_on_grid[:, None])[:, 0]
        torch.testing.assert_close(batch.reconstruction, picked, rtol=1e-4, atol=1e-5)
    assert batch.prediction.shape == batch.target.shape == (*batch.truth[:, 1:].shape[:2], 8, 1)


@pytest.mark.parametrize("sets", SETS)
def test_micro_batches_share_what_one_large_batch_draws(prepare_recipe: "Prepare", sets: str) -> None:
    (whole,) = batches_of(prepare_recipe, SETS[sets], "training.batch=4")
    halves = batches_of(prepare_recipe, SETS[sets], "training.batch=2", batches=2)
    assert torch.equal(torch.cat([half.target for half in halves]), whole.target)


def test_off_the_grid_the_target_is_the_truth_between_its_points(prepare_recipe: "Prepare") -> None:
    """Three sines on 32 points: their trigonometric polynomial is exact on the 64 points of the test data too."""
    (batch,) = batches_of(prepare_recipe, "{use = 'off_grid', points = 8}")
    assert batch.points.index is None
    refined = batch.points.read(batch.truth)
    assert refined.shape == (len(batch.truth), 4, 8, 1)
    assert torch.isfinite(batch.prediction).all()
    with torch.no_grad():
        direct = batch.predict(batch.points.coordinates)
    torch.testing.assert_close(batch.prediction.detach(), direct)


@pytest.mark.parametrize(
    "sampler",
    [*SETS.values(), "{use = 'off_grid', points = 8}", "{use = 'importance', points = 8}"],
)
def test_every_sampler_trains_to_other_weights_and_the_used_points_are_recorded(train: "Train", sampler: str) -> None:
    run, dense = train(f"sampler={sampler}"), train("sampler.use=dense")
    assert not all(torch.equal(tensor, dense.weights()[name]) for name, tensor in run.weights().items())
    assert {record.points_used for _, _, record in run.log.trained_at} == {8}


def test_a_curriculum_of_points_is_recorded_as_it_goes(train: "Train") -> None:
    sampler = f"{{use = 'curriculum', sampler = {UNIFORM}, start = 0.25, end = 1.0}}"
    run = train(f"sampler={sampler}", "training.log_every=1", "stages.operator.steps=9")
    used = [record.points_used for stage, _, record in run.log.trained_at if stage == "operator"]
    assert (used[0], used[-1]) == (8, 32)
    assert used == sorted(used)


def test_coverage_counts_every_supervised_point_over_all_stages_and_resumes(train: "Train") -> None:
    settings = (f"sampler={SETS['per_sample']}", "training.batch=4")
    whole = train(*settings)
    coverage = whole.checkpoint(-1)["coverage"]
    assert int(coverage.sum()) == 20 * 4 * 8  # steps, samples, points
    assert int(coverage.min()) > 0
    resumed = train(*settings, checkpoint=train(*settings, stop_after=11).saved[-1])
    assert torch.equal(resumed.checkpoint(-1)["coverage"], coverage)
