"""What a plan foretells is what comes: the time of training, the data, the checkpoints."""

import time
from pathlib import Path

import pytest
import torch

from tests.runs.conftest import TINY
from ups_framework.cli.plan import cost, spoken
from ups_framework.engine.estimate import repeated, training_forecast, try_stages
from ups_framework.engine.plan import Plan, plan_of
from ups_framework.engine.prepare import Prepared, prepare
from ups_framework.engine.state import begin_stage
from ups_framework.engine.trainer import Trainer
from ups_framework.plugins import load_plugins
from ups_framework.recipe import Recipe, load_recipe

CPU = torch.device("cpu")
LONG = ("stages.operator.steps=150", "stages.operator.unroll=2", "stages.operator.curriculum=0.5")


def _recipe(folder: Path, *settings: str) -> Recipe:
    path = folder / "tiny.toml"
    path.write_text(TINY.format(folder=folder))
    return load_recipe(path, registry=load_plugins(), settings=settings, gpu=False).recipe


def _prepared(recipe: Recipe) -> Prepared:
    return prepare(recipe, load_plugins(), CPU, print)


def _cpu_seconds_of_training(prepared: Prepared) -> float:
    trainer = Trainer(
        system=prepared.system, data=prepared.data, listeners=[], save=lambda state: None, stopping=lambda: False
    )
    started = time.process_time()
    trainer.run(begin_stage(prepared.system, 0))
    return time.process_time() - started


def test_training_takes_what_was_foretold_within_25_percent_of_cpu_time(tmp_path: Path) -> None:
    ratios = []
    for _ in range(3):  # another process may have the core's caches meanwhile
        prepared = _prepared(_recipe(tmp_path, *LONG))
        foretold = sum(trial.seconds for trial in try_stages(prepared.system, prepared.data, time.process_time))
        ratios.append(_cpu_seconds_of_training(_prepared(_recipe(tmp_path, *LONG))) / foretold)
        print(f"real over foretold: {ratios[-1]:.2f}")
        if abs(ratios[-1] - 1) <= 0.25:
            break
    assert abs(ratios[-1] - 1) <= 0.25, ratios


def test_to_foretell_changes_nothing_that_training_starts_from(tmp_path: Path) -> None:
    prepared = _prepared(_recipe(tmp_path, "stages.operator.steps=1000"))
    before = {name: tensor.clone() for name, tensor in prepared.system.simulator.state_dict().items()}
    seconds = training_forecast(prepared.system, prepared.data)
    assert seconds is not None
    assert seconds > 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in prepared.system.simulator.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in prepared.system.simulator.parameters())


def test_a_short_run_is_not_made_longer_by_a_forecast(tmp_path: Path) -> None:
    prepared = _prepared(_recipe(tmp_path))
    assert training_forecast(prepared.system, prepared.data) is None


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("plan")
    settings = ("data.train=40", "data.validation=4", "data.test=4", "training.checkpoint_every=10")
    recipe = _recipe(folder, *settings)
    found = plan_of(recipe, load_plugins(), CPU, print)
    assert not (folder / "data").exists(), "a plan leaves nothing"
    return found


def test_a_plan_knows_the_disk_that_data_takes(plan: Plan, tmp_path: Path) -> None:
    settings = ("data.train=40", "data.validation=4", "data.test=4")
    _prepared(_recipe(tmp_path, *settings))
    made = sum(file.stat().st_size for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert plan.data.disk_bytes == pytest.approx(made, rel=0.1)
    assert plan.data.trajectories == 48


def test_a_plan_knows_how_many_checkpoints_are_written_and_how_large_they_are(plan: Plan, tmp_path: Path) -> None:
    assert plan.checkpoints == 3, "after 10 and 20 steps, and at the end of the stage"
    prepared = _prepared(_recipe(tmp_path))
    saved: list[int] = []

    def save(state: object) -> None:
        torch.save(state.tensors(), tmp_path / "state")  # type: ignore[attr-defined]  # a State
        saved.append((tmp_path / "state").stat().st_size)

    Trainer(system=prepared.system, data=prepared.data, listeners=[], save=save, stopping=lambda: False).run(
        begin_stage(prepared.system, 0)
    )
    assert plan.run_bytes < 2.5 * max(saved)
    assert plan.run_bytes > 1.5 * max(saved)


def test_the_cost_is_that_of_the_device_by_its_name(plan: Plan) -> None:
    prices = {"NVIDIA H200": 36000.0}
    assert cost(plan, prices, "NVIDIA H200") == f"cost    {10 * plan.seconds:.3g} (36000 an hour of NVIDIA H200)"
    assert cost(plan, prices, "Other") == "cost    not known: [prices] has no 'Other'"
    assert cost(plan, {}, "Other") == ""


def test_a_split_is_repeated_in_its_order(tmp_path: Path) -> None:
    split = _prepared(_recipe(tmp_path)).data.train
    assert torch.equal(repeated(split, 11).values, torch.cat([split.values, split.values[:3]]))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.312, "0.31 s"), (12.4, "12 s"), (250.0, "4 min 10 s"), (11520.0, "3 h 12 min")]
)
def test_times_are_said_in_words(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
