"""Every recipe loads in all its profiles and runs end to end; what a run leaves is what docs/run-folder.md says."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ups_framework.cli import group
from ups_framework.engine.mistakes import find_mistakes
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import LoadedRecipe, load_recipe
from ups_framework.recipe.locate import locate
from ups_framework.recipe.profiles import profiles_of
from ups_framework.recipe.source import read_file

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "recipes").glob("*.toml"))
SHIPPED = [recipe.qualified for recipe in load_plugins().recipes]
RECIPES = [*map(str, FILES), *SHIPPED]
"""As the command line takes them."""
DOCUMENTED = (ROOT / "docs/run-folder.md").read_text(encoding="utf-8")
IN_AIM = str(ROOT / "recipes/navier_stokes_decaying.toml")
"""The recipe that runs in a process of its own, tracked."""
each_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: Path(recipe).stem)

Json = Any  # any tree of plain values
Trial = Callable[..., list[str]]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_plugins()


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Trial:
    """Arguments of `ups run` for two steps a stage on a handful of trajectories, below one folder for all recipes."""
    folder = tmp_path_factory.mktemp("recipes")

    def arguments(recipe: str, *settings: str) -> list[str]:
        profile = "cpu" if "cpu" in _profiles(recipe, registry) else "none"
        tiny = ["data.train=2", "data.validation=1", "data.test=1", "training.batch=2", f"data_folder={folder}/data"]
        tiny += [f"stages.{name}.steps=2" for name in _load(recipe, registry, profile).recipe.stages]
        options = [part for setting in (*tiny, *settings) for part in ("--set", setting)]
        runs = f"{folder}/shipped" if recipe in SHIPPED else f"{folder}/runs"  # where names of runs may be the same
        return ["run", recipe, "--profile", profile, "--runs", runs, *options]

    return arguments


def _load(recipe: str | Path, registry: Registry, profile: str) -> LoadedRecipe:
    return load_recipe(recipe, registry=registry, profile=profile, gpu=False)


def _profiles(recipe: str, registry: Registry) -> list[str]:
    file, _ = locate(recipe, registry)
    return list(profiles_of(read_file(file, registry)))


def _run_folder(arguments: list[str]) -> Path:
    return Path(arguments[arguments.index("--runs") + 1]) / Path(arguments[1]).stem.replace(":", "_")


def test_the_recipes_of_the_readme_are_there() -> None:
    named = re.findall(r"recipes/\w+\.toml", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {ROOT / name for name in named} <= set(FILES)


def test_plugins_ship_the_recipes_that_the_docs_name() -> None:
    assert {"burgers:quick", "navier_stokes:decaying"} <= set(SHIPPED)


@each_recipe
def test_a_recipe_says_what_it_is_and_how_long_it_takes(recipe: str, registry: Registry) -> None:
    loaded = _load(recipe, registry, "none").recipe
    assert loaded.description
    assert loaded.cost


@each_recipe
def test_a_recipe_has_no_mistakes_in_any_profile(recipe: str, registry: Registry) -> None:
    for profile in ("none", *_profiles(recipe, registry)):
        assert find_mistakes(_load(recipe, registry, profile).recipe) == [], profile


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != IN_AIM], ids=lambda recipe: Path(recipe).stem)
def test_a_recipe_trains_and_evaluates_end_to_end(recipe: str, trial: Trial, registry: Registry) -> None:
    arguments = trial(recipe, "tracking.aim=false")
    result = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    _check_evaluation(_run_folder(arguments), registry)


def _check_evaluation(folder: Path, registry: Registry) -> None:
    """It has every row, metric and step that the run's own recipe asks for, as finite numbers."""
    resolved = _load(folder / "recipe.toml", registry, "none").recipe
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["schema"] == 1
    assert evaluation["protocol"]["context"] == resolved.evaluation.context
    assert set(evaluation["rows"]) == {"model", "reconstruction", *resolved.baselines}
    for row in evaluation["rows"].values():
        assert set(row["one_step"]) == set(resolved.metrics)
        assert set(row["rollout"]) == {*resolved.metrics, "by_step", "by_field"}
        assert len(row["rollout"]["by_step"]) == evaluation["protocol"]["predicted"]
    assert set(evaluation["super_resolution"]) == {str(factor) for factor in resolved.evaluation.super_resolution}
    cost = {"parameters", "parameters_of", "train_seconds", "seconds_per_step", "peak_memory_mib"}
    assert set(evaluation["cost"]) == cost
    assert all(isinstance(number, int | float) and math.isfinite(number) for number in _leaves(evaluation["rows"]))


def _leaves(value: Json) -> Iterator[Json]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        yield value
    for item in inner or ():
        yield from _leaves(item)


def test_a_recipe_run_in_aim_leaves_what_the_docs_say(trial: Trial, registry: Registry, tmp_path: Path) -> None:
    arguments = trial(IN_AIM, "tracking.aim=true")
    arguments[arguments.index("--runs") + 1] = str(tmp_path)
    command = [sys.executable, "-c", "from ups_framework.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = _run_folder(arguments)
    _check_evaluation(folder, registry)
    named = {name.rstrip("/") for name in re.findall(r"^\| `([\w./]+)` \|", DOCUMENTED, re.MULTILINE)}
    if find_spec("aim") is None:
        named.remove("aim.json")
    assert {path.name for path in folder.iterdir()} == named
    assert [line for line in _documented_forms() if not _fits(*line, folder)] == []


def _documented_forms() -> list[tuple[str, str, Json]]:
    """File, subset and example of each JSON block of the page."""
    blocks = re.findall(r"^```json (\S+) ?(\w*)\n(.*?)^```", DOCUMENTED, re.MULTILINE | re.DOTALL)
    assert {file for file, _, _ in blocks} == {"metrics.jsonl", "audit.jsonl", "evaluation.json"}
    return [(file, subset, json.loads(text)) for file, subset, text in blocks]


def _fits(file: str, subset: str, example: Json, folder: Path) -> bool:
    """Whether a real record has the form of the example: its keys, and the same types below them."""
    text = (folder / file).read_text(encoding="utf-8")
    records = [json.loads(line) for line in text.splitlines()] if file.endswith("jsonl") else [json.loads(text)]
    if file.endswith("jsonl"):
        records = [r for r in records if r["stage"] == "operator" and r.get("subset", "") == subset]
    return _has_form(records[0], example) and set(records[0]) == set(example)


def _has_form(value: Json, example: Json) -> bool:
    if isinstance(example, dict):
        return isinstance(value, dict) and all(key in value and _has_form(value[key], example[key]) for key in example)
    if isinstance(example, list):
        return isinstance(value, list) and _has_form(value[0], example[0])
    return isinstance(value, int | float) if isinstance(example, int | float) else type(value) is type(example)
