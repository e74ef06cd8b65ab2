"""`ups board` ranks what compares, beside the reference rows."""

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.runs.conftest import CopyRun
from ups_framework.cli import group
from ups_framework.runs.board import boards
from ups_framework.runs.runs_folder import read_runs

DEPTH = ("depth = 1", "depth = 2")


def _board(*arguments: str | Path) -> str:
    result = CliRunner().invoke(group, ["board", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def runs(copy_run: CopyRun) -> Path:
    """Two seeds of one recipe, a better one, and one that was measured on other data."""
    copy_run("a", nrmse=0.2)
    copy_run("b", ("seed = 0\ndata_folder", "seed = 1\ndata_folder"), nrmse=0.4)
    copy_run("c", DEPTH, nrmse=0.1)
    other = copy_run("d", ("points = 16", "points = 32"), nrmse=0.01)
    other.evaluation.write_text(other.evaluation.read_text().replace('"points": 16', '"points": 32'))
    return other.path.parent


def test_there_is_a_board_for_each_protocol_with_the_best_first_and_seeds_together(runs: Path) -> None:
    first, second = boards(read_runs(runs))
    assert (first.title, second.title) == ("burgers:burgers, points 16", "burgers:burgers, points 32")
    assert [(entry.name, entry.runs) for entry in first.entries] == [("c", ("c",)), ("a", ("a", "b"))]
    spread = first.entries[1].rollout
    assert spread.mean == pytest.approx(0.3)
    assert spread.sd == pytest.approx(0.1 * 2**0.5)
    assert [entry.name for entry in second.entries] == ["d"]


def test_reference_rows_and_costs_stand_beside_the_runs(runs: Path) -> None:
    board = boards(read_runs(runs))[0]
    evaluation = json.loads((runs / "c/evaluation.json").read_text())
    rows = {row: evaluation["rows"][row]["rollout"]["nrmse"] for row in ("classical", "spatial_mean", "persistence")}
    assert {entry.name: entry.rollout.mean for entry in board.references} == rows
    assert [entry.name for entry in board.references] == sorted(rows, key=lambda row: rows[row])
    assert board.entries[0].costs["parameters"] == evaluation["cost"]["parameters"]
    assert board.beside_references(board.entries[0]) == pytest.approx(0.1 / min(rows.values()))


def test_the_table_shows_all_and_says_what_is_left_out(runs: Path, copy_run: CopyRun) -> None:
    copy_run("e").evaluation.unlink()
    copy_run("f").evaluation.write_text("{", encoding="utf-8")
    text = _board(runs)
    assert "2 runs have no results yet, 1 of them broken (f); `ups runs` lists them" in text
    assert "(classical)" in text
    assert "0.3 ± 0.14" in text


def test_a_run_whose_error_is_not_finite_comes_last(runs: Path) -> None:
    path = runs / "c/evaluation.json"
    path.write_text(path.read_text().replace('"nrmse": 0.1,', '"nrmse": null,'))
    assert [entry.name for entry in boards(read_runs(runs))[0].entries] == ["a", "c"]


def test_csv_has_a_line_for_each_recipe_and_reference(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "board.csv"
    _board(runs, "--csv", file)
    lines = list(csv.DictReader(file.read_text().splitlines()))
    assert [line["name"] for line in lines if line["kind"] == "run"] == ["c", "a", "d"]
    assert [line["seeds"] for line in lines if line["kind"] == "run"] == ["1", "2", "1"]
    assert float(lines[0]["rollout_nrmse"]) == 0.1
    assert sum(line["kind"] == "reference" for line in lines) == 6


class _Texts(HTMLParser):
    """Tags, texts and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts = ""
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.texts += data


def test_the_page_loads_nothing_and_escapes_what_recipes_say(copy_run: CopyRun, tmp_path: Path) -> None:
    evil = copy_run("a", ("A tiny run.", "<script>alert('1')</script>"))
    evil.evaluation.write_text(evil.evaluation.read_text().replace('"name": "burgers"', '"name": "<img src=x>"'))
    page = tmp_path / "board.html"
    _board(evil.path.parent, "--html", page)
    found = _Texts()
    found.feed(page.read_text())
    assert not {"script", "img", "link"} & found.tags
    assert found.addresses == []
    assert "<img src=x>" in found.texts


def test_the_same_runs_make_the_same_files(runs: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("1.html", "1.csv", "2.html", "2.csv")]
    _board(runs, "--html", files[0], "--csv", files[1])
    (runs / "c").rename(runs / "z")
    (runs / "z").rename(runs / "c")
    _board(runs, "--html", files[2], "--csv", files[3])
    assert [file.read_bytes() for file in files[:2]] == [file.read_bytes() for file in files[2:]]


def test_a_file_that_cannot_be_written_is_one_message_and_no_runs_are_no_board(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert "no results yet" in _board(tmp_path / "runs")
    result = CliRunner().invoke(group, ["board", str(tmp_path / "runs"), "--html", str(tmp_path / "no/board.html")])
    assert (result.exit_code, "there is no folder" in result.stderr) == (2, True)
