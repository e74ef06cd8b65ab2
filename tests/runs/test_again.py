"""A finished run is measured again by the same simulator, and never on what it was trained on."""

from pathlib import Path

import pytest

from ups_framework.errors import RecipeError, RunError
from ups_framework.plugins import load_plugins
from ups_framework.recipe import load_recipe
from ups_framework.runs.again import evaluate_again
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import Record, read_json
from ups_framework.runs.run import Run

RECIPE = Path(__file__).parents[2] / "recipes" / "navier_stokes_decaying.toml"
TINY = [
    "data.train=3",
    "data.validation=1",
    "data.test=2",
    "data.points=16",
    "data.frames=4",
    "latent.tokens=16",
    "latent.width=16",
    "operator.width=16",
    "encoder.channels=8",
    "decoder.channels=16",
    "sampler.points=64",
    "training.batch=2",
    "stages.autoencode.steps=2",
    "stages.operator.steps=2",
    "tracking.aim=false",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("again")
    registry = load_plugins()
    recipe = load_recipe(RECIPE, registry=registry, settings=[*TINY, f"data_folder={path}/data"], gpu=False).recipe
    folder = RunFolder.create(path, "tiny")
    Run(recipe=recipe, registry=registry, folder=folder, resume=False, report=_quiet).execute()
    return folder


def _quiet(line: str) -> None:
    """Say nothing."""


def _without_cost(evaluation: Record) -> Record:
    return {key: value for key, value in evaluation.items() if key != "cost"}


def test_without_settings_the_result_is_the_run_s_own(finished: RunFolder) -> None:
    assert evaluate_again(finished, (), _quiet) == _without_cost(read_json(finished.evaluation))


def test_another_protocol_can_be_set(finished: RunFolder) -> None:
    again = evaluate_again(finished, ["evaluation.context=2"], _quiet)
    assert again["protocol"]["context"] == 2
    assert again["protocol"]["predicted"] == 2


def test_more_test_trajectories_than_the_run_kept_are_refused(finished: RunFolder) -> None:
    with pytest.raises(RecipeError, match=r"data\.test: the run kept 2 trajectories for testing"):
        evaluate_again(finished, ["data.test=5"], _quiet)


def test_other_data_may_be_as_much_as_one_likes(finished: RunFolder) -> None:
    assert evaluate_again(finished, ["data.test=3", "data.seed=7"], _quiet)["protocol"]["test"] == 3


def test_the_losses_that_it_was_trained_on_are_not_needed(finished: RunFolder) -> None:
    recipe = finished.recipe.read_text()
    try:
        finished.recipe.write_text(recipe.replace('use = "builtin:relative_l2"', 'use = "gone:loss"'))
        assert 'use = "gone:loss"' in finished.recipe.read_text()
        assert evaluate_again(finished, (), _quiet) == _without_cost(read_json(finished.evaluation))
    finally:
        finished.recipe.write_text(recipe)


def test_to_go_on_with_other_plugins_than_it_was_trained_with_is_refused_in_words(finished: RunFolder) -> None:
    registry, recipe = load_plugins(), finished.recipe.read_text()
    given = load_recipe(finished.recipe, registry=registry, profile="none", gpu=False).recipe
    run = Run(recipe=given, registry=registry, folder=finished, resume=True, report=_quiet)
    try:
        finished.recipe.write_text(recipe.replace("[operator]", "[operator]\nolder = 1"))
        with pytest.raises(RunError, match=r"(?s)plugins that have changed or are gone.*operator\.older: unknown key"):
            run.execute()
    finally:
        finished.recipe.write_text(recipe)


def test_what_would_make_another_simulator_is_refused(finished: RunFolder) -> None:
    with pytest.raises(RunError, match="trained with other settings of operator"):
        evaluate_again(finished, ["operator.depth=2"], _quiet)


def test_to_go_on_with_another_recipe_is_refused_with_the_keys_that_differ(finished: RunFolder) -> None:
    registry = load_plugins()
    settings = ["training.batch=3", "gates.new={metric='rollout.nrmse', at_most=1.0}"]
    given = load_recipe(finished.recipe, registry=registry, settings=settings, profile="none", gpu=False).recipe
    with pytest.raises(RunError, match=r"does not fit: training\.batch is 2 in the run and 3 here\. Go on with the"):
        Run(recipe=given, registry=registry, folder=finished, resume=True, report=_quiet).execute()


def test_a_run_that_is_not_finished_has_no_simulator_to_evaluate(finished: RunFolder, tmp_path: Path) -> None:
    stopped = RunFolder.create(tmp_path, "stopped")
    stopped.recipe.write_text(finished.recipe.read_text())
    with pytest.raises(RunError, match=r"stopped: has no simulator, since the run is not finished.*--resume"):
        evaluate_again(stopped, (), _quiet)


def test_to_go_on_without_a_checkpoint_says_that_the_run_begins_again(finished: RunFolder, tmp_path: Path) -> None:
    registry = load_plugins()
    settings = ["stages.autoencode.steps=0", "stages.operator.steps=1"]
    given = load_recipe(finished.recipe, registry=registry, settings=settings, profile="none", gpu=False).recipe
    folder, said = RunFolder.create(tmp_path, "emptied"), list[str]()
    Run(recipe=given, registry=registry, folder=folder, resume=True, report=said.append).execute()
    assert f"{folder.checkpoints}: no checkpoint to go on from, so that the run begins again" in said


def test_a_run_may_go_on_with_its_data_elsewhere_and_other_tracking(finished: RunFolder, tmp_path: Path) -> None:
    registry, said = load_plugins(), list[str]()
    settings = [f"data_folder={tmp_path}", "tracking.aim=true"]
    given = load_recipe(finished.recipe, registry=registry, settings=settings, profile="none", gpu=False).recipe
    before = read_json(finished.evaluation)
    Run(recipe=given, registry=registry, folder=finished, resume=True, report=said.append).execute()
    assert any(line.startswith("going on from ") for line in said)
    assert _without_cost(read_json(finished.evaluation)) == _without_cost(before)


def test_a_damaged_recipe_of_a_run_is_called_so(finished: RunFolder, tmp_path: Path) -> None:
    given = load_recipe(finished.recipe, registry=(registry := load_plugins()), profile="none", gpu=False).recipe
    folder = RunFolder.create(tmp_path, "damaged")
    folder.recipe.write_text("[[[")
    folder.save_checkpoint("operator-000010", b"state")
    with pytest.raises(RunError, match=r"recipe\.toml: is damaged"):
        Run(recipe=given, registry=registry, folder=folder, resume=True, report=_quiet).execute()


def test_a_finished_run_whose_checkpoints_are_gone_is_not_begun_again(finished: RunFolder, tmp_path: Path) -> None:
    given = load_recipe(finished.recipe, registry=(registry := load_plugins()), profile="none", gpu=False).recipe
    folder = RunFolder.create(tmp_path, "pruned")
    for name in ("recipe.toml", "simulator.pt"):
        (folder.path / name).write_bytes((finished.path / name).read_bytes())
    with pytest.raises(RunError, match=r"its checkpoints are gone.*another --name"):
        Run(recipe=given, registry=registry, folder=folder, resume=True, report=_quiet).execute()
