"""`ups runs` says of every folder what it is, and finds runs by their recipes and results."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.runs.conftest import CopyRun
from tests.runs.test_folder import HOLD
from ups_framework.cli import group
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.read_run import STALE_AFTER, read_run
from ups_framework.runs.records import read_json
from ups_framework.runs.status import recorded


def _runs(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["runs", *map(str, arguments)])


def _listed(*arguments: str | Path) -> list[Any]:
    result = _runs(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: list[Any] = json.loads(result.stdout)
    return found


def _names(*arguments: str | Path) -> list[str]:
    return [found["run"] for found in _listed(*arguments)]


def _stop(folder: RunFolder) -> None:
    """As a kill before the evaluation leaves the run."""
    for path in (folder.evaluation, folder.report, folder.simulator):
        path.unlink()
    status = read_json(folder.status)
    folder.status.write_text(json.dumps({**status, "ended": None, "outcome": None}))


def test_a_finished_run_shows_its_results_and_costs(trained_runs: Path) -> None:
    (found,) = _listed(trained_runs, "--where", "name=first")
    evaluation = read_json(trained_runs / "first/evaluation.json")
    assert (found["status"], found["description"]) == ("success", "A tiny run.")
    assert found["rollout.nrmse"] == evaluation["rows"]["model"]["rollout"]["nrmse"]
    assert found["train_seconds"] == evaluation["cost"]["train_seconds"]
    table = _runs(trained_runs).stdout.splitlines()
    assert table[0].split()[:2] == ["run", "status"]
    assert sorted(line.split()[0] for line in table[1:]) == ["burst", "first"]


def test_parameters_of_the_parts_are_those_of_the_simulator(trained_runs: Path) -> None:
    cost = read_json(trained_runs / "first/evaluation.json")["cost"]
    assert sum(cost["parameters_of"].values()) == cost["parameters"]


def test_a_run_that_ended_with_an_error_failed_and_says_why(trained_runs: Path) -> None:
    (found,) = _listed(trained_runs, "--status", "failed")
    assert found["run"] == "burst"
    assert "not finite" in found["problem"]
    assert found["problem"].splitlines() == [found["problem"]]
    assert found["problem"] in _runs(trained_runs, "--status", "failed").stdout


def _work_and_raise(folder: RunFolder, raised: BaseException) -> None:
    with recorded(folder, (KeyboardInterrupt,)):
        assert read_json(folder.status)["outcome"] is None
        raise raised


@pytest.mark.parametrize(("raised", "outcome"), [(KeyboardInterrupt(), "stopped"), (OSError("x\ny"), "failed")])
def test_how_the_last_process_ended_is_written(copy_run: CopyRun, raised: BaseException, outcome: str) -> None:
    folder = copy_run("a")
    _stop(folder)
    with pytest.raises(type(raised)):
        _work_and_raise(folder, raised)
    found = read_run(folder.path, "a")
    assert (found.status, found.problem) == (outcome, "x y" if outcome == "failed" else "")


def test_a_run_is_active_while_its_process_lives_and_stopped_once_that_is_killed(copy_run: CopyRun) -> None:
    folder = copy_run("a")
    _stop(folder)
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        assert read_run(folder.path, "a").status == "active"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert read_run(folder.path, "a").status == "stopped"
    assert folder.lock.read_text() == f"{holder.pid}\n", "what the killed process wrote is still there"


def test_looking_at_a_lock_keeps_no_run_from_starting(copy_run: CopyRun) -> None:
    folder = copy_run("a")
    look = "import sys\nfrom pathlib import Path\nfrom ups_framework.runs.locks import is_held\nprint(flush=True)\n"
    look += "while True:\n    is_held(Path(sys.argv[1]))\n"
    with subprocess.Popen([sys.executable, "-c", look, str(folder.lock)], stdout=subprocess.PIPE) as looker:
        assert looker.stdout is not None
        looker.stdout.readline()
        for _ in range(50):
            with folder.locked():
                pass
        looker.kill()


def test_a_stopped_run_is_stale_after_thirty_days(copy_run: CopyRun) -> None:
    folder = copy_run("a")
    _stop(folder)
    now = time.time()
    assert read_run(folder.path, "a", now=now + STALE_AFTER - 60).status == "stopped"
    assert read_run(folder.path, "a", now=now + STALE_AFTER + 60).status == "stale"


def test_a_finished_run_never_gets_stale(copy_run: CopyRun) -> None:
    assert read_run(copy_run("a").path, "a", now=time.time() + 10 * STALE_AFTER).status == "success"


@pytest.mark.parametrize("file", ["recipe.toml", "evaluation.json", "status.json", "tags.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "a = 1", '{"rows": 3, "tags": 3, "ended": 3}', "\x00"])
def test_a_damaged_file_is_one_line_and_hides_no_other_run(copy_run: CopyRun, file: str, content: str) -> None:
    good, bad = copy_run("good"), copy_run("bad")
    (bad.path / file).write_text(content)
    result = _runs(good.path.parent)
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("bad ")]
    assert "broken" in line
    assert file in line
    assert "success" in next(line for line in result.stdout.splitlines() if line.startswith("good "))


@pytest.mark.parametrize("value", ['"text"', "[1]", "true_"])
def test_a_figure_that_is_no_number_breaks_the_run(copy_run: CopyRun, value: str) -> None:
    folder = copy_run("a")
    text = folder.evaluation.read_text().replace('"parameters": ', f'"parameters": {value}, "was": ')
    folder.evaluation.write_text(text)
    assert read_run(folder.path, "a").status == "broken"


def test_folders_that_hold_no_run_are_listed_as_such_and_runs_of_a_bench_by_their_path(copy_run: CopyRun) -> None:
    runs = copy_run("bench/tiny/x").path.parents[2]
    (runs / "notes").mkdir()
    (runs / ".aim").mkdir()
    (runs / "board.html").write_text("")
    found = {each["run"]: each["status"] for each in _listed(runs)}
    assert found == {"bench/tiny/x": "success", "notes": "foreign"}
    assert "no recipe.toml" in _runs(runs, "--status", "foreign").stdout


def test_an_unreadable_folder_is_a_line_too(tmp_path: Path) -> None:
    loop = tmp_path / "runs/loop"
    loop.mkdir(parents=True)
    os.symlink(loop, loop / "recipe.toml")
    assert [each["status"] for each in _listed(tmp_path / "runs")] == ["broken"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("latent.tokens=8", ["a", "b"]),
        ("latent.tokens=16", ["c"]),
        ("latent.tokens!=8", ["c"]),
        ("latent.tokens>=8", ["a", "b", "c"]),
        ("rollout.nrmse<0.05", ["a"]),
        ("rollout.nrmse <= 0.05", ["a", "b"]),
        ("rollout.nrmse>0.05", ["c"]),
        ("operator.use=transformer_stack", ["a", "b", "c"]),
        ("operator.use=builtin:transformer_stack", ["a", "b", "c"]),
        ("operator.use=fno", []),
        ("data.viscosity=0.01", ["a", "b", "c"]),
        ("description='A tiny run.'", ["a", "b", "c"]),
        ("status=success", ["a", "b", "c"]),
        ("persistence.rollout.nrmse>0", ["a", "b", "c"]),
        ("super_resolution.2.nrmse>0", ["a", "b", "c"]),
        ("cost.parameters_of.encoder>0", ["a", "b", "c"]),
        ("protocol.points=16", ["a", "b", "c"]),
        ("training.compile=false", ["a", "b", "c"]),
        ("training.compile=0", []),
    ],
)
def test_conditions_choose_by_recipe_and_results(copy_run: CopyRun, condition: str, expected: list[str]) -> None:
    runs = copy_run("a", nrmse=0.04).path.parent
    copy_run("b", nrmse=0.05)
    copy_run("c", ("tokens = 8", "tokens = 16"), nrmse=0.06)
    assert _names(runs, "--where", condition, "--sort", "name") == expected


def test_all_conditions_have_to_hold_and_runs_without_the_key_are_left_out(copy_run: CopyRun) -> None:
    runs = copy_run("a", nrmse=0.04).path.parent
    _stop(copy_run("b"))
    assert _names(runs, "--where", "rollout.nrmse<0.05", "--where", "seed=0") == ["a"]
    assert _names(runs, "--where", "rollout.nrmse!=0.05") == ["a"]
    assert "none of 2" in _runs(runs, "--where", "seed=9").stdout


def test_runs_are_sorted_by_any_key_and_those_without_it_come_last(copy_run: CopyRun) -> None:
    runs = copy_run("a", nrmse=0.05).path.parent
    copy_run("b", nrmse=0.04)
    _stop(copy_run("c"))
    assert _names(runs, "--sort", "rollout.nrmse") == ["b", "a", "c"]
    assert _names(runs, "--sort", "-rollout.nrmse") == ["a", "b", "c"]
    assert _names(runs, "--sort", "-name") == ["c", "b", "a"]
    assert _names(runs)[0] == "c", "the newest comes first"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--where", "latent.token=8"], "did you mean 'latent.tokens'"),
        (["--where", "latent.tokens"], "expected KEY=VALUE"),
        (["--where", "latent.tokens<many"], "'many' is no number"),
        (["--sort", "rollout.nrms"], "did you mean 'rollout.nrmse'"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(trained_runs: Path, arguments: list[str], said: str) -> None:
    result = _runs(trained_runs, *arguments)
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_folder_that_is_none_or_a_run_itself_is_refused(trained_runs: Path) -> None:
    result = _runs(trained_runs / "first")
    assert (result.exit_code, "is the folder of one run" in result.stderr) == (1, True)
    result = _runs("archiv")
    assert (result.exit_code, "did you mean 'archive'" in result.stderr) == (2, True)
    assert _runs("list", trained_runs / "nowhere").exit_code == 1


def test_fifty_runs_take_less_than_two_seconds_and_no_torch(trained_runs: Path, tmp_path: Path) -> None:
    for index in range(50):
        shutil.copytree(trained_runs / "first", tmp_path / f"run-{index}")
    a, b = tmp_path / "run-1", tmp_path / "run-2"
    code = "import sys\nfrom ups_framework.cli import group\ngroup(sys.argv[1:], standalone_mode=False)\n"
    code += "assert not {'torch', 'numpy', 'matplotlib', 'aim'} & set(sys.modules), 'slow to import'"
    for arguments in (["runs", tmp_path], ["board", tmp_path], ["compare", a, b], ["show", a]):
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        after = os.times()
        assert done.returncode == 0, done.stderr
        took = after.children_user - before.children_user + after.children_system - before.children_system
        print(f"ups {arguments[0]}: {took:.2f} s of CPU")
        assert took < 2.0


def test_show_has_everything_on_one_page(trained_runs: Path) -> None:
    result = CliRunner().invoke(group, ["show", str(trained_runs / "first")])
    assert result.exit_code == 0, result.output
    cost = read_json(trained_runs / "first/evaluation.json")["cost"]
    for text in (
        "first: success",
        "A tiny run.",
        "burgers:burgers",
        "tokens 8, width 16",
        f"builtin:grid ({cost['parameters_of']['encoder']:,} parameters): channels 8",
        "20 steps, trains encoder, operator, decoder; best validation rollout nRMSE",
        "reconstruction",
        "persistence",
        "finer grids: 1×",
        f"{cost['parameters']:,}",
        str(trained_runs / "first/report.html"),
    ):
        assert text in result.stdout


def test_show_tells_of_a_run_without_results_and_refuses_what_is_none(trained_runs: Path) -> None:
    result = CliRunner().invoke(group, ["show", str(trained_runs / "burst")])
    assert (result.exit_code, "not evaluated yet" in result.stdout) == (0, True)
    assert "problem: " in result.stdout
    result = CliRunner().invoke(group, ["show", str(trained_runs)])
    assert (result.exit_code, "runs in it: burst, first" in result.stderr) == (1, True)


def test_show_json_holds_what_the_files_hold(trained_runs: Path) -> None:
    result = CliRunner().invoke(group, ["show", str(trained_runs / "first"), "--json"])
    found: Any = json.loads(result.stdout)
    evaluation = read_json(trained_runs / "first/evaluation.json")
    assert found["rows"] == evaluation["rows"]
    assert found["protocol"] == evaluation["protocol"]
    assert set(found["stages"]["operator"]["audit"]) == {"prediction", "reconstruction"}
