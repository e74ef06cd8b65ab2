"""A bench trains what is not trained yet, finds planted differences and no others, and survives interruption."""

import json
import shutil
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner

from ups_framework.cli import group
from ups_framework.plugins import Registry, load_plugins
from ups_framework.runs.bench import compare, run_bench
from ups_framework.runs.bench_figures import MAIN, figures_of, milliseconds_a_step
from ups_framework.runs.bench_jobs import Jobs
from ups_framework.runs.bench_plan import Trial, plan, variants_of
from ups_framework.runs.bench_rows import Comparison
from ups_framework.runs.bench_tables import as_plain, details, mean_and_sd, overview
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import read_json
from ups_framework.runs.weights import weights_digest

RECIPE = """
extends = "burgers:quick"
data_folder = "{folder}"
data = {{ train = 8, validation = 1, test = 2, points = 16, every = 40 }}
latent = {{ tokens = 8, width = 16 }}
encoder = {{ channels = 8 }}
decoder = {{ channels = 8 }}
operator = {{ width = 16, depth = 1, heads = 2 }}
optimizer = {{ method = "adamw", learning_rate = 1e-2, warmup = 0.0 }}
training = {{ batch = 4, log_every = 20, validate_every = 40, audit_every = 100, checkpoint_every = 20 }}
evaluation = {{ super_resolution = [1] }}
tracking = {{ aim = false }}

[stages.autoencode]
steps = 0

[stages.operator]
steps = 40
unroll = 1
losses = ["prediction", "reconstruction"]
"""

GOOD, CRIPPLED = "optimizer.learning_rate=1e-2", "optimizer.learning_rate=1e-6"
SEEDS = (0, 1, 2)


class Bench:
    """Trials of the recipe above in one folder."""

    def __init__(self, path: Path) -> None:
        self.recipe = path / "tiny.toml"
        self.recipe.write_text(RECIPE.format(folder=path / "data"))
        self.registry: Registry = load_plugins()
        self.lines: list[str] = []

    def trials(self, *varied: str, seeds: tuple[int, ...] = SEEDS) -> list[Trial]:
        return plan(variants_of([self.recipe], varied), seeds, registry=self.registry, gpu=False)

    def run(self, trials: list[Trial], runs: Path, at_once: int = 1) -> Comparison:
        self.lines.clear()
        return run_bench(trials, Jobs(runs=runs, at_once=at_once, report=self.lines.append))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def pair(bench: Bench) -> list[Trial]:
    return bench.trials("optimizer.learning_rate=1e-2,1e-6")


@pytest.fixture(scope="module")
def runs(bench: Bench, pair: list[Trial]) -> Path:
    """The six runs of the pair."""
    path = bench.recipe.parent / "runs"
    assert bench.run(pair, path).rows[1].failures == ()
    return path


def test_a_crippled_variant_is_worse_and_each_run_leaves_a_whole_folder(pair: list[Trial], runs: Path) -> None:
    comparison = compare(pair, runs, {})
    good, crippled = comparison.rows
    print([(name, mean_and_sd(good, name), mean_and_sd(crippled, name)) for name in MAIN])
    assert crippled.judged["rollout nrmse"].verdict == "worse"
    assert crippled.judged["rollout nrmse"].difference == pytest.approx(
        (crippled.mean("rollout nrmse") or 0) - (good.mean("rollout nrmse") or 0)
    )
    assert comparison.same_weights == ()
    assert len({folder for row in comparison.rows for folder in row.folders}) == 6
    assert all((folder / "report.html").exists() for row in comparison.rows for folder in row.folders)


def test_an_identical_pair_is_within_noise_and_trains_once(bench: Bench, runs: Path) -> None:
    twice = bench.trials("optimizer.learning_rate=1e-2,1e-2")
    comparison = bench.run(twice, runs)
    assert bench.lines == ["3 runs, 3 of them done before"]
    assert {found.verdict for found in comparison.rows[1].judged.values()} == {"within noise"}
    assert comparison.same_weights == ()


def test_mean_and_sd_are_those_of_the_evaluations(pair: list[Trial], runs: Path) -> None:
    (good, _) = compare(pair, runs, {}).rows
    evaluations = [read_json(folder / "evaluation.json") for folder in good.folders]
    values = [evaluation["rows"]["model"]["rollout"]["rmse"] for evaluation in evaluations]
    mean = sum(values) / 3
    sd = (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
    assert good.mean("rollout rmse") == pytest.approx(mean)
    assert good.sd("rollout rmse") == pytest.approx(sd)
    assert good.mean("peak MiB") == pytest.approx(fmean(e["cost"]["peak_memory_mib"] for e in evaluations))
    assert mean_and_sd(good, "rollout rmse") == f"{mean:.3g} ± {sd:.2g}"


def test_a_second_call_touches_no_run(bench: Bench, pair: list[Trial], runs: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*")}
    bench.run(pair, runs)
    assert bench.lines == ["6 runs, 6 of them done before"]
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("*")} == before


def test_what_was_interrupted_goes_on_in_any_order_to_the_same_end(bench: Bench, runs: Path, tmp_path: Path) -> None:
    """Of two runs one has its last training checkpoint left and the other nothing; both are finished side by side."""
    both = bench.trials("optimizer.learning_rate=1e-2,1e-6", seeds=(0,))
    before, after = (RunFolder(both[0].folder(runs)), RunFolder(tmp_path / both[0].folder(runs).name))
    shutil.copytree(before.path, after.path)
    for path in [after.simulator, after.evaluation, after.report, *after.checkpoints.glob("*.done-*")]:
        path.unlink()
    assert len(list(after.checkpoints.glob("*.operator-*"))) == 1
    bench.run(both[::-1], tmp_path, at_once=2)
    assert after.metrics.read_text() == before.metrics.read_text(), "it went on from its checkpoint"
    for trial in both:
        original, made = (RunFolder(trial.folder(path)) for path in (runs, tmp_path))
        assert weights_digest(made) == weights_digest(original)
        assert read_json(made.evaluation)["rows"] == read_json(original.evaluation)["rows"]


def test_variants_that_differ_in_nothing_that_is_trained_raise_an_alarm(bench: Bench, runs: Path) -> None:
    trials = bench.trials("description=a,b", seeds=(0,))[:1] + bench.trials(f"{GOOD}", seeds=(0,))
    comparison = bench.run(trials, runs)
    assert comparison.same_weights == (("description=a", GOOD),)
    assert {found.verdict for found in comparison.rows[1].judged.values()} == {"needs 3 seeds"}


def test_the_command_prints_every_variant_and_is_an_error_where_a_run_failed(bench: Bench, runs: Path) -> None:
    varied = "optimizer.learning_rate=1e-2,1e-6,1e30"
    options = ["bench", str(bench.recipe), "--vary", varied, "--seeds", "0", "--runs", str(runs)]
    result = CliRunner().invoke(group, options)
    assert result.exit_code == 1, result.output
    assert "3 runs, 2 of them done before" in result.stderr
    assert "optimizer.learning_rate=1e30: a run failed" in result.stderr
    assert all(any(line.startswith(label) for line in result.stdout.splitlines()) for label in (GOOD, CRIPPLED))
    assert "a paired t-test over seeds, two-sided at 5 %" in result.stdout


def test_json_holds_all_numbers_and_a_failed_run_is_no_number(bench: Bench, runs: Path) -> None:
    trials = bench.trials("optimizer.learning_rate=1e-2,1e30", seeds=(0,))
    good, failed = compare(trials, runs, {trials[1].digest: "it burst"}).rows
    assert failed.failures == ("it burst",)
    assert failed.judged["rollout nrmse"].verdict == "no number"
    plain: Any = json.loads(json.dumps(as_plain(compare(trials[:1], runs, {}))))
    assert plain["seeds"] == [0]
    assert plain["variants"][0]["figures"]["rollout nrmse"]["values"] == [good.mean("rollout nrmse")]


def test_tables_have_a_row_a_variant(pair: list[Trial], runs: Path) -> None:
    comparison = compare(pair, runs, {})
    columns, rows = overview(comparison)
    assert columns == ["variant", *MAIN]
    assert [row[0] for row in rows] == [GOOD, CRIPPLED]
    _, rows = details(comparison)
    assert len(rows) == 2 * len(comparison.figures)
    assert [row[5] for row in rows if row[0] == ""].count("worse") >= 1


def test_the_time_of_a_step_is_the_median_of_each_stage_weighed_by_its_records() -> None:
    speeds = [("a", 1.0), ("a", 100.0), ("a", 100.0), ("b", 10.0)]
    records = [{"stage": stage, "subset": "train", "values": {"steps_per_second": speed}} for stage, speed in speeds]
    assert milliseconds_a_step(records) == pytest.approx((3 * 10.0 + 100.0) / 4)
    assert milliseconds_a_step([]) is None


def test_figures_name_both_horizons_the_reconstruction_and_the_costs(pair: list[Trial], runs: Path) -> None:
    figures = figures_of(RunFolder(pair[0].folder(runs)))
    assert set(MAIN) <= set(figures)
    assert {"one-step rmse", "rollout rmse", "rollout max_error"} <= set(figures)
