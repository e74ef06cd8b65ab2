"""`ups bench` refuses what it cannot run before anything is trained; `tests/runs/test_bench.py` has it train."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.runs.conftest import TINY
from ups_framework.cli import group


def _bench(recipe: Path, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["bench", str(recipe), "--runs", str(recipe.parent / "runs"), *arguments])


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli_bench") / "tiny.toml"
    path.write_text('extends = "burgers:quick"')
    return path


@pytest.mark.parametrize("seeds", ["a", "0,0", "-1", "0,"])
def test_seeds_are_different_whole_numbers(recipe: Path, seeds: str) -> None:
    result = _bench(recipe, "--seeds", seeds)
    assert result.exit_code == 2
    assert "whole numbers" in result.stderr


def test_mistakes_of_a_variant_are_told_before_anything_is_trained(recipe: Path) -> None:
    result = _bench(recipe, "--vary", "latent.width=16,no", "--seeds", "0")
    assert result.exit_code == 2
    assert "latent.width" in result.stderr
    assert not list((recipe.parent / "runs").glob("latent*"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speed")
    path = folder / "tiny.toml"
    path.write_text(TINY.format(folder=folder))
    return path


def test_speed_is_told_in_json(tiny: Path) -> None:
    result = CliRunner().invoke(group, ["bench", str(tiny), "--speed", "--json", "--set", "stages.operator.steps=9"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    (stage,) = told["stages"]
    parts = ["data", "encoder", "operator", "decoder", "solver", "losses", "backward", "optimiser"]
    assert list(stage["parts"]) == parts
    assert stage["step_seconds"] == pytest.approx(sum(stage["parts"].values()) + stage["trainer_seconds"])
    assert stage["ratio"] == pytest.approx(stage["step_seconds"] / stage["bare_seconds"])
    assert set(stage["floors"]) == {"compute", "memory", "overhead", "data"}
    assert told["rates"]["flops_per_second"] > 0
    assert not (tiny.parent / "data").exists(), "nothing is kept"


def test_speed_is_told_in_a_table_and_a_sentence(tiny: Path) -> None:
    result = _speed(tiny)
    assert result.exit_code == 0, result.output
    for words in ("data (goal ≤ 2 %)", "optimiser and average", "trainer, the rest", "windows a second", "GFLOP/s"):
        assert words in result.stdout
    assert "operator: bound by" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [("--vary", "seed=1,2"), ("--against", "other.toml"), ("--seeds", "0"), ("--runs", "x"), ("--jobs", "2")],
)
def test_speed_goes_with_nothing_that_says_what_to_train(tiny: Path, arguments: tuple[str, str]) -> None:
    result = _speed(tiny, *arguments)
    assert result.exit_code == 2
    assert f"trains nothing: leave out {arguments[0]}" in result.stderr


def _speed(recipe: Path, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["bench", str(recipe), "--speed", *arguments])
