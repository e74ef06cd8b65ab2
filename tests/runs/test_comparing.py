"""`ups compare` tells differences from chance, refuses what does not compare, and sounds an alarm."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from tests.runs.conftest import CopyRun
from ups_framework.cli import group
from ups_framework.errors import RunError
from ups_framework.runs.comparing import RunComparison, compare_runs
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.runs_folder import named_runs
from ups_framework.runs.weights import weights_digest

DEPTH = ("depth = 1", "depth = 2")


def _compare(*folders: RunFolder, any_protocol: bool = False) -> RunComparison:
    return compare_runs(named_runs([folder.path for folder in folders]), any_protocol=any_protocol)


def _command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["compare", *map(str, arguments)])


def _seeds(copy_run: CopyRun, name: str, errors: list[float], *edits: tuple[str, str]) -> list[RunFolder]:
    """A run for each error, with seeds 0, 1, ..."""
    return [
        copy_run(f"{name}{seed}", ("seed = 0\ndata_folder", f"seed = {seed}\ndata_folder"), *edits, nrmse=error)
        for seed, error in enumerate(errors)
    ]


def _change_a_bit(folder: RunFolder) -> None:
    payload = torch.load(folder.simulator, weights_only=True)
    values = [tensor for tensor in payload["state"].values() if tensor.is_floating_point()][-1].view(-1)
    values[-1] = torch.nextafter(values[-1], torch.tensor(9.0))
    torch.save(payload, folder.simulator)


def test_runs_that_differ_in_their_seed_alone_are_one_variant_with_a_spread(copy_run: CopyRun) -> None:
    found = _compare(*_seeds(copy_run, "a", [0.1, 0.2, 0.3]))
    assert [variant.label for variant in found.variants] == ["a0 (3 seeds)"]
    (row,) = found.figures.rows
    assert row.mean("rollout nrmse") == pytest.approx(0.2)
    assert row.sd("rollout nrmse") == pytest.approx(0.1)
    assert found.recipes == {}


def test_a_planted_difference_is_found_and_noise_is_called_so(copy_run: CopyRun) -> None:
    first = _seeds(copy_run, "a", [0.10, 0.11, 0.12])
    worse = _seeds(copy_run, "b", [0.20, 0.21, 0.222], DEPTH)
    alike = _seeds(copy_run, "c", [0.11, 0.09, 0.13], ("width = 16\nheads = 2", "width = 16\nheads = 4"))
    found = _compare(*first, *worse, *alike)
    assert found.figures.seeds == (0, 1, 2)
    verdicts = [row.judged["rollout nrmse"].verdict for row in found.figures.rows[1:]]
    assert verdicts == ["worse", "within noise"]
    assert found.recipes == {"operator.depth": [1, 2, 1], "operator.heads": [2, 2, 4]}


def test_verdicts_are_over_the_seeds_that_all_have_and_need_three(copy_run: CopyRun) -> None:
    first, other = _seeds(copy_run, "a", [0.10, 0.11, 0.12]), _seeds(copy_run, "b", [0.20, 0.21, 0.22], DEPTH)
    found = _compare(*first, *other[1:])
    assert found.figures.seeds == (1, 2)
    judged = found.figures.rows[1].judged["rollout nrmse"]
    assert judged.verdict == "needs 3 seeds"
    assert judged.difference == pytest.approx(0.1)
    assert found.figures.rows[0].mean("rollout nrmse") == pytest.approx(0.11), "of all its seeds"
    found = _compare(first[0], other[1])
    assert found.figures.rows[1].judged["rollout nrmse"].verdict == "needs 3 seeds"
    assert found.recipes == {"seed": [0, 1], "operator.depth": [1, 2]}


def test_runs_that_differ_in_a_bit_of_weights_and_of_results_raise_no_alarm(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b", DEPTH)
    _change_a_bit(b)
    b.evaluation.write_text(b.evaluation.read_text().replace('"nrmse": 0.', '"nrmse": 1.'))
    assert _compare(a, b).alarms == ()


def test_a_setting_that_changes_nothing_raises_an_alarm(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b", ("weight = 0.3", "weight = 3e5"))
    (alarm,) = _compare(a, b).alarms
    assert alarm.runs == ("a", "b")
    assert alarm.alike == "weights and results"
    assert alarm.differing == ("losses.reconstruction.weight",)
    result = _command(a.path, b.path)
    assert "ALARM: a and b have the same weights and results to the last bit" in result.stdout
    found: Any = json.loads(_command(a.path, b.path, "--json").stdout)
    assert found["alarms"] == [{"runs": ["a", "b"], "alike": alarm.alike, "differing": list(alarm.differing)}]


def test_a_seed_that_changes_nothing_raises_an_alarm(copy_run: CopyRun) -> None:
    (alarm,) = _compare(copy_run("a"), copy_run("b", ("seed = 0\ndata_folder", "seed = 1\ndata_folder"))).alarms
    assert alarm.differing == ("seed",)


def test_results_alone_raise_an_alarm_too_and_weights_alone_as_well(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b", DEPTH)
    b.simulator.unlink()
    assert [alarm.alike for alarm in _compare(a, b).alarms] == ["results"]
    c = copy_run("c", DEPTH)
    c.evaluation.write_text(c.evaluation.read_text().replace('"nrmse": 0.', '"nrmse": 1.'))
    assert [alarm.alike for alarm in _compare(a, c).alarms] == ["weights"]


@pytest.mark.parametrize(
    "edit", [("A tiny run", "Another"), ("aim = false", "aim = true"), ("batch = 64", "batch = 32")]
)
def test_what_trains_nothing_raises_no_alarm(copy_run: CopyRun, edit: tuple[str, str]) -> None:
    assert _compare(copy_run("a"), copy_run("b", edit)).alarms == ()


def test_another_baseline_changes_what_is_trained_where_the_networks_correct_it(copy_run: CopyRun) -> None:
    other = ("burgers:finite_volume", "burgers:fourier")
    corrects = ('predicts = "change"', 'predicts = "change"\ncorrects = "classical"')
    assert _compare(copy_run("a"), copy_run("b", other)).alarms == ()
    (alarm,) = _compare(copy_run("c", corrects), copy_run("d", corrects, other)).alarms
    assert alarm.differing == ("baselines.classical.use",)


def test_the_same_recipe_and_seed_twice_is_a_repeat_and_counts_once(copy_run: CopyRun) -> None:
    a, again, other = copy_run("a"), copy_run("again"), copy_run("other", nrmse=0.5)
    found = _compare(a, again, other)
    assert found.repeats == {"again": ("a", True), "other": ("a", False)}
    assert found.figures.rows[0].sd("rollout nrmse") is None
    assert found.alarms == ()
    assert "other has recipe and seed of a, and other results" in _command(a.path, other.path).stdout


def test_runs_of_different_protocols_are_refused_unless_told(copy_run: CopyRun) -> None:
    a, b = copy_run("a", nrmse=0.1), copy_run("b", DEPTH, nrmse=0.2)
    b.evaluation.write_text(b.evaluation.read_text().replace('"test": 2', '"test": 4'))
    with pytest.raises(RunError, match=r"different protocols.*\n  test: a 2, b 4\n--any-protocol"):
        _compare(a, b)
    assert _command(a.path, b.path).exit_code == 1
    assert _compare(a, b, any_protocol=True).protocols == {"test": [2, 4]}
    assert (
        "protocols differ, figures do not compare: test: a 2, b 4" in _command(a.path, b.path, "--any-protocol").stdout
    )


def test_rounding_in_a_measured_number_is_no_other_protocol(copy_run: CopyRun) -> None:
    a, b = copy_run("a", nrmse=0.1), copy_run("b", DEPTH, nrmse=0.2)
    b.evaluation.write_text(b.evaluation.read_text().replace('"dt": 0.4', '"dt": 0.40000000001'))
    assert _compare(a, b).protocols == {}


def test_a_run_without_results_shows_its_recipe_only(copy_run: CopyRun, trained_runs: Path) -> None:
    a = copy_run("a")
    found = compare_runs(named_runs([trained_runs / "burst", a.path]))
    assert found.recipes == {"optimizer.learning_rate": [1e30, 1e-2]}
    assert found.figures.rows[0].mean("rollout nrmse") is None
    assert found.figures.rows[1].judged["rollout nrmse"].verdict == "no number"
    result = _command(trained_runs / "burst", a.path)
    assert (result.exit_code, "burst failed" in result.stdout) == (0, True)


def test_runs_of_one_name_are_told_apart_by_their_paths(copy_run: CopyRun, tmp_path: Path) -> None:
    found = _compare(copy_run("x/a", nrmse=0.1), copy_run("y/a", DEPTH, nrmse=0.2))
    assert [variant.label for variant in found.variants] == [str(tmp_path / f"runs/{name}/a") for name in "xy"]


def test_what_cannot_be_compared_is_refused(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b", DEPTH)
    assert _command(a.path).exit_code == 2
    assert "more than once" in _command(a.path, f"{a.path}/../a").stderr
    b.metrics.write_text('{"subset": "validation"}\n')
    assert "its metrics are damaged" in _command(a.path, b.path).stderr
    b.evaluation.write_text("{")
    result = _command(a.path, b.path)
    assert (result.exit_code, f"{b.path}: evaluation.json: is damaged" in result.stderr) == (1, True)


def test_the_digest_tells_simulators_apart_by_any_bit_and_by_nothing_else(copy_run: CopyRun) -> None:
    a, b = copy_run("a"), copy_run("b")
    payload = torch.load(b.simulator, weights_only=True)
    payload["description"] = {"settings": "others"}
    torch.save(payload, b.simulator)
    assert weights_digest(a) == weights_digest(b)
    _change_a_bit(b)
    assert weights_digest(a) != weights_digest(b)


def test_a_damaged_simulator_is_an_error(copy_run: CopyRun) -> None:
    a = copy_run("a")
    data = a.simulator.read_bytes()
    with zipfile.ZipFile(a.simulator) as file:
        largest = max(file.infolist(), key=lambda item: item.file_size * ("/data/" in item.filename))
    at = largest.header_offset + largest.file_size
    for damaged in (b"", b"nothing", data[:-100], data[:at] + b"changed" + data[at + 7 :]):
        a.simulator.write_bytes(damaged)
        with pytest.raises(RunError, match="is damaged"):
            weights_digest(a)
