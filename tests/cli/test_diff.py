"""`ups diff` shows what differs between recipes and runs, and no more."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ups_framework.cli import group
from ups_framework.plugins import load_plugins
from ups_framework.recipe import dump_recipe, load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
PHASE3, PHASE4 = RECIPES / "burgers_phase3.toml", RECIPES / "burgers_phase4.toml"

MakeRun = Callable[..., Path]


def _diff(*arguments: str | Path) -> list[str]:
    result = CliRunner().invoke(group, ["diff", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def _lines(output: list[str]) -> list[str]:
    return [line for line in output[2:] if line]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Makes the folder of a run of a recipe."""

    def make(name: str, recipe: Path, *settings: str, **versions: str) -> Path:
        registry, folder = load_plugins(), tmp_path / "runs" / name
        folder.mkdir(parents=True)
        loaded = load_recipe(recipe, registry=registry, settings=settings, profile="none", gpu=False)
        (folder / "recipe.toml").write_text(dump_recipe(loaded.recipe, registry), encoding="utf-8")
        installed = {plugin.distribution: plugin.version for plugin in registry.plugins}
        (folder / "environment.json").write_text(json.dumps({"distributions": {**installed, **versions}}))
        return folder

    return make


def test_a_loss_table_with_another_component_is_exactly_that_one_table(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(f'extends = "{PHASE3}"\n[losses.prediction]\nuse = "burgers_residual"\n')
    assert _lines(_diff(PHASE3, mine)) == ["losses.prediction.use: builtin:relative_l2 → burgers:burgers_residual"]


def test_a_key_that_one_side_has_is_not_set_on_the_other(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(f'extends = "{PHASE4}"\n[sampler]\nuse = "dense"\n')
    expected = ["sampler.use: query_sampling:uniform → builtin:dense", "sampler.fraction: 0.5 → (not set)"]
    assert _lines(_diff(PHASE4, mine)) == expected


def test_tables_are_parted_by_blank_lines() -> None:
    blocks = "\n".join(_diff(PHASE3, PHASE4)).split("\n\n")[1:]
    tables = [{line.partition(":")[0].rpartition(".")[0] for line in block.splitlines()} for block in blocks]
    assert all(len(table) == 1 for table in tables)
    assert {"losses.conservation"} in tables


def test_the_same_recipe_has_no_difference() -> None:
    assert _lines(_diff(PHASE3, PHASE3)) == ["no difference"]


def test_a_profile_is_laid_over_recipes_and_not_over_runs(make_run: MakeRun) -> None:
    run = make_run("full", PHASE3)
    assert _lines(_diff(PHASE3, run, "--profile", "none")) == ["no difference"]
    output = _diff(PHASE3, run, "--profile", "cpu")
    assert output[:2] == [f"a: {PHASE3} (profile cpu)", f"b: {run} (run)"]
    assert "latent.tokens: 32 → 128" in output


def test_versions_of_plugins_that_differ_between_runs_are_said(make_run: MakeRun) -> None:
    a = make_run("a", PHASE3)
    b = make_run("b", PHASE3, "seed=1", **{"ups-burgers": "9.0", "ups-other": "1.0"})
    output = _diff(a, b)
    assert "seed: 0 → 1" in output
    at = output.index("versions of plugins")
    assert output[at + 1].endswith(" → 9.0")
    assert output[at + 2 :] == ["ups-other: (not installed) → 1.0"]
    assert output[at + 1 :] == _diff(PHASE3, b, "--profile", "none")[-2:]  # a recipe runs with what is installed


def test_json_holds_the_same(make_run: MakeRun) -> None:
    run = make_run("a", PHASE3, "seed=1", **{"ups-burgers": "9.0"})
    found: Any = json.loads("\n".join(_diff(PHASE3, run, "--profile", "none", "--json")))
    assert found["a"] == {"path": str(PHASE3), "run": False, "profile": None}
    assert found["b"]["run"] is True
    assert found["differences"] == [{"path": "seed", "a": 0, "b": 1}]
    assert [item["distribution"] for item in found["versions"]] == ["ups-burgers"]


def test_what_cannot_be_read_is_one_message(make_run: MakeRun, tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["diff", str(tmp_path / "no.toml"), str(PHASE3)])
    assert (result.exit_code, result.stdout) == (2, "")
    run = make_run("a", PHASE3)
    for damaged in ("{", "null", "[]", '{"distributions": null}', '{"distributions": {"ups-burgers": 1}}'):
        (run / "environment.json").write_text(damaged)
        result = CliRunner().invoke(group, ["diff", str(run), str(PHASE3)])
        assert result.exit_code == 1
        assert "environment.json: is damaged" in result.stderr


def test_a_run_that_is_not_there_is_answered_with_those_that_are(make_run: MakeRun) -> None:
    run = make_run("kdv_quick", PHASE3)
    for missing, near in (("quick", "there is: kdv_quick"), ("none/quick", f"there is no folder {run.parent}/none")):
        result = CliRunner().invoke(group, ["diff", str(run.parent / missing), str(run)])
        assert (result.exit_code, result.stderr) == (1, f"Error: {run.parent / missing}: no such run ({near})\n")


def test_a_recipe_that_is_not_there_is_answered_with_those_that_are() -> None:
    result = CliRunner().invoke(group, ["diff", str(RECIPES / "burgers_phase3"), str(PHASE3)])
    assert result.exit_code == 2
    assert "burgers_phase3: cannot be read: No such file or directory (did you mean 'burgers_phase3.toml'" in (
        result.stderr
    )


def test_the_folder_of_all_runs_is_no_run(make_run: MakeRun) -> None:
    runs = make_run("a", PHASE3).parent
    result = CliRunner().invoke(group, ["diff", str(runs), str(PHASE3)])
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {runs}: is no folder of a run, since it has no recipe.toml (runs in it: a)\n",
    )
