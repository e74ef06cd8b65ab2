"""A gate passes, fails or is missing; a run that did not pass ends with code 1, and training is the same either way."""

import json
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner, Result

from tests.runs.conftest import TINY, CopyRun
from ups_framework.cli import group
from ups_framework.errors import RecipeError
from ups_framework.plugins import load_plugins
from ups_framework.recipe import load_recipe
from ups_framework.runs.bench_plan import plan, variants_of
from ups_framework.runs.comparing import compare_runs
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.gates import Verdict, overall, read_verdicts
from ups_framework.runs.judging import judge
from ups_framework.runs.read_run import read_run
from ups_framework.runs.runs_folder import named_runs
from ups_framework.runs.weights import weights_digest

DEPTH = ("depth = 1", "depth = 2")


def _command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [*map(str, arguments)])


def _verdict(folder: RunFolder, **gate: object) -> Verdict:
    run = read_run(folder.path, folder.name)
    gate = {"metric": "rollout.nrmse", **gate}
    return judge(attrs.evolve(run, recipe={**run.recipe, "gates": {"only": gate}}))["only"]


def _seed(seed: int) -> tuple[str, str]:
    return ("seed = 0\ndata_folder", f"seed = {seed}\ndata_folder")


@pytest.mark.parametrize(
    ("gate", "state"),
    [
        ({"at_most": 0.2}, "pass"),
        ({"at_most": 0.19}, "fail"),
        ({"at_least": 0.2}, "pass"),
        ({"at_least": 0.21}, "fail"),
        ({"metric": "rollout.nothing", "at_most": 9.0}, "missing"),
        ({"metric": "rollout.by_step", "at_most": 9.0}, "missing"),
        ({"metric": "rollout.by_field.u", "at_most": 9.0}, "pass"),
        ({"metric": "super_resolution.2.nrmse", "at_most": 9.0}, "pass"),
        ({"metric": "cost.parameters", "at_most": 10.0}, "fail"),
        ({"metric": "cost.parameters_of.encoder", "at_least": 10.0}, "pass"),
    ],
)
def test_a_bound_is_held_to_the_number_at_the_metric_s_path(
    gate: dict[str, object], state: str, copy_run: CopyRun
) -> None:
    assert _verdict(copy_run("a", nrmse=0.2), **gate).state == state


def test_a_number_that_is_not_finite_is_missing_and_no_pass(copy_run: CopyRun) -> None:
    assert _verdict(copy_run("a", nrmse=float("nan")), at_least=0.0).state == "missing"


def test_a_relative_bound_is_a_factor_of_another_run_s_value(copy_run: CopyRun) -> None:
    copy_run("base", nrmse=0.2)
    run = copy_run("a", DEPTH, nrmse=0.22)
    found = _verdict(run, relative_to="base", at_most=1.15)
    assert (found.state, found.rule) == ("pass", "at most 1.15 × base")
    assert found.bound == pytest.approx(0.23)
    assert _verdict(run, relative_to="base", at_most=1.05).state == "fail"
    found = _verdict(run, relative_to="absent", at_most=1.05)
    assert (found.state, found.reason) == ("missing", "there is no run 'absent' beside this one")


def test_runs_measured_by_different_protocols_do_not_pass_by_one_another(copy_run: CopyRun) -> None:
    base = copy_run("base", nrmse=0.2)
    evaluation = json.loads(base.evaluation.read_text())
    evaluation["protocol"]["predicted"] = 3
    base.evaluation.write_text(json.dumps(evaluation))
    found = _verdict(copy_run("a", nrmse=0.1), relative_to="base", at_most=1.0)
    assert found.state == "missing"
    assert "different protocols: predicted" in found.reason
    assert _verdict(RunFolder(base.path.parent / "a"), metric="cost.parameters", relative_to="base", at_most=1.0).state


def test_not_worse_is_judged_over_the_seeds_of_both_and_needs_three(copy_run: CopyRun) -> None:
    for seed, error in enumerate([0.10, 0.11, 0.12]):
        copy_run(f"base{seed}", _seed(seed), nrmse=error)
    for seed, error in enumerate([0.11, 0.09, 0.13]):
        alike = copy_run(f"alike{seed}", _seed(seed), DEPTH, nrmse=error)
    for seed, error in enumerate([0.20, 0.21, 0.222]):
        worse = copy_run(f"worse{seed}", _seed(seed), ("depth = 1", "depth = 3"), nrmse=error)
    for seed, error in enumerate([0.05, 0.061]):
        few = copy_run(f"few{seed}", _seed(seed), ("depth = 1", "depth = 4"), nrmse=error)
    found = _verdict(alike, not_worse_than="base0")
    assert (found.state, found.reason.split(":")[0]) == ("pass", "within noise over seeds 0 1 2")
    assert _verdict(worse, not_worse_than="base0").state == "fail"
    found = _verdict(few, not_worse_than="base0")
    assert found.state == "missing", "two better seeds are no verdict"
    assert "there are 0 1" in found.reason
    assert _verdict(alike, not_worse_than="alike0").state == "missing", "its own recipe"


def test_all_gates_pass_only_if_each_does() -> None:
    assert overall(["pass", "pass"]) == "pass"
    assert overall(["pass", "missing"]) == "missing"
    assert overall(["missing", "fail"]) == "fail"
    assert overall([]) is None


def test_a_run_ends_with_the_verdicts_and_code_1_and_trains_the_same(trained_runs: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.toml"
    gates = '\n[gates.size]\nmetric = "cost.parameters"\nat_most = SIZE\n[gates.other]\nmetric = "rollout.nrmse"\n'
    text = TINY.format(folder=trained_runs.parent) + gates + 'relative_to = "gone"\nat_most = 1.0\n'
    recipe.write_text(text.replace("SIZE", "1.0"))
    done = _command("run", recipe, "--runs", tmp_path / "runs", "--name", "a")
    assert done.exit_code == 1
    assert "there is no run 'gone'" in done.stderr
    assert "2 of 2 gates did not pass: size (fail), other (missing)" in done.stderr
    a = RunFolder(tmp_path / "runs" / "a")
    assert {name: verdict.state for name, verdict in read_verdicts(a).items()} == {"size": "fail", "other": "missing"}
    assert weights_digest(a) == weights_digest(RunFolder(trained_runs / "first")), "gates train nothing"

    (tmp_path / "runs" / "gone").symlink_to(trained_runs / "first")
    recipe.write_text(text.replace("SIZE", "1e9"))
    again = _command("run", recipe, "--runs", tmp_path / "runs", "--name", "a", "--resume")
    assert again.exit_code == 0, again.output
    assert read_run(a.path, "a").gate_state == "pass"
    assert "2 pass" in _command("runs", tmp_path / "runs", "--where", "gates=pass").stdout
    assert "size           pass: cost.parameters" in _command("show", a.path).stdout
    assert "gates" in a.report.read_text()
    evaluated = _command("eval", a.path, "--set", "gates.size.at_most=1")
    assert (evaluated.exit_code, read_run(a.path, "a").gate_state) == (1, "pass"), "the run's own files stay"
    assert compare_runs(named_runs([a.path, trained_runs / "first"])).variants[0].label == "a"


def test_a_recipe_s_gates_do_not_make_another_trial(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(folder=tmp_path))
    gates = ["cost=minutes", "gates.a={metric='rollout.nrmse',at_most=1.0}", "prices.x=1.0"]
    trials = [
        plan(variants_of([path], []), [0], registry=load_plugins(), settings=["cost=minutes", gate], gpu=False)[0]
        for gate in gates
    ]
    assert len({trial.digest for trial in trials}) == 1


@pytest.mark.parametrize(
    ("gate", "problem"),
    [
        ({"metric": "'rollout.nrms'", "at_most": 1.0}, r"no 'rollout.nrms' \(did you mean 'rollout.nrmse'"),
        ({"metric": "'super_resolution.3.nrmse'", "at_most": 1.0}, r"no 'super_resolution.3.nrmse'"),
        ({"metric": "'rollout.nrmse'"}, "one of 'at_most', 'at_least' and 'not_worse_than', found none"),
        ({"metric": "'rollout.nrmse'", "at_most": 1.0, "at_least": 1.0}, "found at_most and at_least"),
        (
            {"metric": "'rollout.nrmse'", "not_worse_than": "'a'", "relative_to": "'a'"},
            "'relative_to' goes with 'at_most'",
        ),
    ],
)
def test_a_gate_that_says_nothing_is_a_mistake(gate: dict[str, object], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(folder=tmp_path))
    settings = [f"gates.a.{key}={value}" for key, value in gate.items()]
    with pytest.raises(RecipeError, match=problem):
        load_recipe(path, registry=load_plugins(), settings=settings, gpu=False)


def test_a_gate_on_a_channel_that_the_problem_has_not_is_found_by_check(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(folder=tmp_path))
    gate = "gates.a={metric='rollout.by_field.w',at_most=1.0}"
    done = _command("check", path, "--set", gate)
    assert done.exit_code == 2
    assert "gates.a.metric: the problem has no channel 'w'" in done.output


def test_a_negative_price_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(folder=tmp_path))
    with pytest.raises(RecipeError, match="an hour of 'x' cannot cost -1"):
        load_recipe(path, registry=load_plugins(), settings=["prices.x=-1.0"], gpu=False)
