"""`ups bench` refuses what it cannot run before anything is trained; `tests/runs/test_bench.py` has it train."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

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
