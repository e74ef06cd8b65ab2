"""JSON files, whole lines, and what a resumed run forgets."""

import math
from pathlib import Path

import pytest

from ups_framework.engine.distributions import Distribution
from ups_framework.errors import RunError
from ups_framework.runs.environment import environment
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.recorder import Recorder
from ups_framework.runs.records import append_jsonl, read_json, read_jsonl, truncate_jsonl, write_json


def test_records_come_back_in_order_and_numbers_that_are_not_finite_as_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_jsonl(path, {"step": 1, "values": {"nrmse": 0.1 + 0.2}})
    append_jsonl(path, {"step": 2, "values": {"nrmse": math.nan, "by_step": [1.0, math.inf]}})
    assert read_jsonl(path) == [
        {"step": 1, "values": {"nrmse": 0.1 + 0.2}},
        {"step": 2, "values": {"nrmse": None, "by_step": [1.0, None]}},
    ]


def test_a_torn_last_line_is_left_out_and_removed_on_resume(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"ste')
    assert [record["step"] for record in read_jsonl(path)] == [1, 2, 3]
    assert truncate_jsonl(path, lambda record: record["step"] <= 2) == 1
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_a_damaged_line_in_the_middle_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"ste\n{"step": 3}\n')
    with pytest.raises(RunError, match="line 2"):
        read_jsonl(path)


def test_a_damaged_or_missing_json_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    with pytest.raises(RunError, match=r"evaluation\.json: cannot be read"):
        read_json(path)
    write_json(path, {"schema": 1})
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RunError, match=r"evaluation\.json: is damaged"):
        read_json(path)


def test_a_resumed_run_records_what_an_uninterrupted_one_does(tmp_path: Path) -> None:
    whole, killed = (RunFolder.create(tmp_path, name) for name in ("whole", "killed"))
    _record(Recorder(whole), range(1, 9))
    _record(Recorder(killed), range(1, 8))
    resumed = Recorder(killed)
    resumed.rewind(5)
    _record(resumed, range(6, 9))
    assert killed.metrics.read_bytes() == whole.metrics.read_bytes()
    assert killed.audit.read_bytes() == whole.audit.read_bytes()
    assert killed.distributions.read_bytes() == whole.distributions.read_bytes()
    assert {"stage", "step", "subset", "values", "terms"} == set(read_jsonl(killed.metrics)[0])


def test_the_environment_is_plain_json_and_says_what_ran(tmp_path: Path) -> None:
    recorded = environment(["burgers"])
    write_json(tmp_path / "environment.json", recorded)
    assert read_json(tmp_path / "environment.json") == recorded
    assert recorded["plugins"] == ["burgers"]
    assert {"python", "platform", "cpu_count", "torch", "devices", "distributions", "git", "threads"} <= set(recorded)


def test_the_environment_knows_the_commit_and_whether_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment([])["git"] is None


def _record(recorder: Recorder, steps: range) -> None:
    for step in steps:
        recorder.audit("operator", step - 1, [_audit_row(step)])  # before the step
        terms = {"prediction": {"raw": 1 / step, "weighted": 0.5 / step}}
        recorder.metrics("operator", step, "train", {"loss": 0.5 / step}, terms)
        recorder.gradients("operator", step, {"encoder": Distribution(low=0.0, high=1.0, counts=(step, 1))})


def _audit_row(step: int) -> dict[str, object]:
    gradient = {"encoder": 0.1}
    return {"term": "prediction", "raw": 1 / step, "weighted": 0.5 / step, "share": 1.0, "gradient": gradient}
