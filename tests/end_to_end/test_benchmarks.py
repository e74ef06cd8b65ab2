"""The benchmarks run: their quick form in seconds, and each experiment's recipe without a mistake."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ups_framework.engine.mistakes import find_mistakes
from ups_framework.plugins import Registry, load_plugins
from ups_framework.recipe import load_recipe

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
EXAMPLE = BENCHMARKS.parent / "docs/examples/ups-heat"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The installed plugins, and the docs' example as if it were installed."""
    installed = tmp_path_factory.mktemp("installed")
    said = installed / "ups_heat-0.1.0.dist-info"
    said.mkdir()
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: ups-heat\nVersion: 0.1.0\n")
    (said / "entry_points.txt").write_text("[ups]\nheat = ups_heat.plugin\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(EXAMPLE), str(installed), *sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)
        yield load_plugins()


def test_the_quick_query_sampling_benchmark_takes_seconds_and_compares_with_dense(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "query_sampling.py"), "--quick", "--runs", str(tmp_path / "runs")]
    started = time.monotonic()
    subprocess.run([*command, "--out", str(tmp_path / "out")], check=True, capture_output=True, timeout=60)
    print(f"query_sampling.py --quick: {time.monotonic() - started:.1f} s")
    tables = (tmp_path / "out/query_sampling.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert len(tables) == 2
    for table in tables:
        rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("|")][2:]
        assert [row[0].strip() for row in rows] == ["100%", "50%", "30%", "10%"]
        assert [row[index].strip() for row in rows[:1] for index in (2, 4)] == ["1", "1"]
    record = json.loads((tmp_path / "out/query_sampling.json").read_text(encoding="utf-8"))
    assert set(record) == {"made", "1_d_128", "2_d_32"}
    assert record["1_d_128"]["parts"]["50%"]["step_faster"]["mean"] > 0


def test_the_generator_makes_what_the_same_scheme_in_numpy_makes() -> None:
    command = [sys.executable, str(BENCHMARKS / "generator.py"), "--quick"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    figures = json.loads(done.stdout)
    assert figures["trajectories"] == 2
    assert 1e-6 < figures["difference"] < 5e-3, "one scheme, in two frames of reference"


@pytest.mark.filterwarnings("default")
def test_the_recipes_of_all_experiments_have_no_mistakes(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from effects_list import EXPERIMENTS, PLAIN  # type: ignore[import-not-found]  # beside the benchmark

    texts = {**PLAIN, **{item.name: item.recipe for item in EXPERIMENTS}}
    targets = {item.name: item.target for item in EXPERIMENTS}
    assert len(targets) == len(EXPERIMENTS)
    path, wrong = tmp_path / "recipe.toml", {}
    for name, text in texts.items():
        path.write_text(text, encoding="utf-8")
        recipe = load_recipe(path, registry=registry, profile="none", gpu=False).recipe
        found = find_mistakes(recipe)
        if found:
            wrong[name] = [str(mistake) for mistake in found]
        horizon, _, metric = targets.get(name, "").partition(" ")
        if horizon == "rollout" and metric not in recipe.metrics:
            wrong[name] = [f"{metric} is no metric of it"]
    assert wrong == {}


@pytest.mark.filterwarnings("default")
def test_steps_in_turn_tell_a_faster_step_from_one_that_differs_by_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both slow down threefold halfway, as on a machine that others use; every fifth step takes 3 % more or less."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from step_time import StepTimes  # type: ignore[import-not-found]  # beside the benchmark

    machine = [1.0] * 10 + [3.0] * 10
    noise = [1 + 0.03 * ((7 * pair) % 5 - 2) / 2 for pair in range(20)]
    plain = [slow * part for slow, part in zip(machine, noise, strict=True)]
    same = [slow * part for slow, part in zip(machine, reversed(noise), strict=True)]
    assert StepTimes(plain=plain, changed=same).judged.verdict == "within noise"
    faster = StepTimes(plain=plain, changed=[0.9 * each for each in same])
    assert faster.judged.verdict == "better"
    assert faster.ratio == pytest.approx(0.9, rel=0.03)
    assert faster.spread[0] <= 0.9 <= faster.spread[1]


@pytest.mark.filterwarnings("default")
def test_the_cost_of_tracking_is_that_of_blocks_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are shown, not, not, shown; showing takes 2 %, and the machine gets slower all the time."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from tracking_cost import pairs, summary  # type: ignore[import-not-found]  # beside the benchmark

    shown = [True, False, False, True]
    blocks = [(1 + 0.001 * block) * (1.02 if shown[block % 4] else 1.0) for block in range(41)]
    blocks[0] = 5.0  # Aim is loaded
    found = summary(pairs(blocks))
    assert found["pairs"] == 18
    assert found["share"] == pytest.approx(0.02, abs=1e-3)
    assert found["standard_error"] < 1e-3


def test_the_quick_benchmark_of_experiments_makes_runs_and_times_every_command(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "experiments.py"), "--quick", "--repeats", "1"]
    command += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out.json")]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    commands = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["commands"]
    assert {name.split()[1] for name in commands} == {"runs", "show", "compare", "board"}
    assert all(0 < figures["cpu_seconds"] < 2 for figures in commands.values())
