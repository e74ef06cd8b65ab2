"""`ups explain` says what a recipe will do, quickly and without making anything."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ups_framework.cli import group

RECIPES = Path(__file__).parents[2] / "recipes"
PHASE4 = RECIPES / "burgers_phase4.toml"
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _explain(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["explain", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def output() -> str:
    """What is said of the main recipe on the CPU."""
    result = _explain(PHASE4, "--profile", "cpu", "--set", "training.batch=8")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_takes_less_than_ten_seconds_of_one_core_and_makes_no_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from ups_framework.cli import main; main()", "explain", str(PHASE4)]
    command += ["--profile", "cpu"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=tmp_path, env=ONE_THREAD, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(f"ups explain: {seconds:.1f} s of one core")
    assert "Where " in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert seconds < 10


def test_problem_and_parts_are_described(output: str) -> None:
    for text in (
        "Burgers' equation u_t + (u²/2)_x = (ν/π) u_xx",
        "0 to 1, periodic, 256 points",
        "viscosity = 0.001",
        "mass = ∫ u",
        "latent of 32 tokens × 64",
        "query_sampling:uniform  supervises 128 of 256 points a step",
    ):
        assert text in output
    order = [output.index(part) for part in ("burgers:burgers", "builtin:grid", "transformer_stack", "any_point")]
    assert order == sorted(order)
    assert len(re.findall(r"[\d,]+ parameters\n", output)) == 3


@pytest.mark.parametrize(("rollout", "goes_on"), [("field", "from it"), ("latent", "from its own field")])
def test_a_solver_that_is_corrected_stands_between_dataset_and_encoder(rollout: str, goes_on: str) -> None:
    output = _explain(
        RECIPES / "burgers_hybrid.toml", "--profile", "cpu", "--set", f"simulator.rollout={rollout}"
    ).stdout
    dataset, solver, encoder = (output.index(f"  {part} ") for part in ("dataset", "solver", "encoder"))
    assert dataset < solver < encoder
    assert f"added to moving_classical's; moving_classical goes on {goes_on}\n" in output
    assert ", corrected\n" in output


def test_stages_say_what_they_train_and_what_each_loss_reaches(output: str) -> None:
    rows = {
        line.split()[0]: line.split()[-3:] for line in output.splitlines() if "builtin:" in line or "priors:" in line
    }
    assert "1. autoencode: 500 steps, trains encoder, decoder (operator frozen); reconstructs" in output
    assert "2. operator: 3000 steps, trains encoder, operator, decoder; predicts 2 frames a window" in output
    assert re.search(r"reconstruction +builtin:inverse_encoding +weight 0.3 +reaches +frozen +reaches", output)
    assert rows["conservation"] == ["reaches"] * 3
    assert rows["reconstruction"] == ["reaches", "-", "reaches"]
    assert "5 % of the gradient, ramp of 600 steps" in output


def test_every_value_that_was_set_has_its_origin(output: str) -> None:
    lines = {line.split()[0]: line for line in output.partition("Where ")[2].splitlines() if line}
    base = str(RECIPES / "base/burgers.toml")
    assert base in lines["operator.use"]
    assert "profile cpu in " in lines["latent.tokens"]
    assert str(PHASE4) in lines["sampler.fraction"]
    assert "--set training.batch=8" in lines["training.batch"]
    assert "optimizer.final" not in lines
    number, defaults = map(int, re.findall(r"Where (\d+) values come from \((\d+) more", output)[0])
    assert number == sum("." in key or key in ("description", "cost", "seed") for key in lines)
    assert defaults > 20


def test_a_loss_that_only_the_base_sets_is_left_out() -> None:
    output = _explain(RECIPES / "burgers_queries_minimal.toml").stdout
    assert "losses that no stage names are left out: rollout" in output
    assert "losses.rollout.use" not in output


def test_a_loss_without_effect_is_said_to_stop_the_run() -> None:
    output = _explain(RECIPES / "burgers_phase3.toml", "--profile", "cpu", "--set", "stages.operator.unroll=1").stdout
    assert "rollout: reaches nothing that the stage trains, so that a run would stop here" in output


def test_mistakes_are_printed_as_by_check() -> None:
    arguments = [str(PHASE4), "--set", "sampler.fraction=2.0", "--set", "data.points=7"]
    results = [CliRunner().invoke(group, [command, *arguments]) for command in ("explain", "check")]
    assert [result.exit_code for result in results] == [2, 2]
    assert results[0].stderr == results[1].stderr
