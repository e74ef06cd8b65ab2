"""The page of results is made of measured figures, and tables of benchmarks hold what their runs found."""

import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ups_framework.engine.build import build_system
from ups_framework.errors import UpsError
from ups_framework.plugins import load_plugins
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.run import Run

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

TYPED = re.compile(r"\d[.,]\d|\d\s?%|\d[eE][+-]?\d|\d\s?(?:s|ms|min|h|MiB|GiB|MB|GB)\b")
"""What only a measurement or a source knows: decimals, large numbers, parts, powers, times and memory."""

ALLOWED = (
    r"^```.*?^```$",  # commands and what they print
    r"^#.*?$",  # headings
    r"`[^`\n]*`",  # code, such as settings
    r"\{\{[^{}\n]*\}\}",  # figures that are put in
    r"ν = [\d.]+",  # which equation
    r"\b\d{1,2},000\b(?= (?:steps|parameters))",  # round sizes that a recipe has
)

Module = Any  # the benchmarks are no package


@pytest.fixture
def benchmark_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Module]:
    """A module beside the benchmarks, by name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def _typed_in(template: str) -> list[str]:
    """Figures in prose and in tables that stand there as digits."""
    for pattern in ALLOWED:
        template = re.sub(pattern, " ", template, flags=re.M | re.S)
    return TYPED.findall(template)


def test_the_page_of_results_is_what_its_template_and_the_json_files_make(
    benchmark_module: Callable[[str], Module],
) -> None:
    results = benchmark_module("results")
    assert results.PAGE.read_text(encoding="utf-8") == results.page(), "run `python benchmarks/results.py`"


def test_no_figure_is_typed_into_the_text_of_the_results() -> None:
    assert _typed_in((BENCHMARKS / "results_page.md").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", ["nRMSE 0.05", "by 27 %", "27% less", "| 9e-3 |", "704,001 of", "in 409 s", "5 MiB"])
def test_a_typed_figure_is_found(text: str) -> None:
    assert len(_typed_in(f"`0.1` and ν = 0.01 on 256 points, 10,000 steps: {text}")) == 1


def test_a_figure_is_written_in_the_form_that_its_placeholder_asks_for(
    benchmark_module: Callable[[str], Module],
) -> None:
    record = {
        "title": "a table",
        "references": {"persistence": {"rollout_nrmse": 0.5}},
        "entries": {"ours": {"figures": {"rollout_nrmse": {"mean": 0.05661, "sd": 0.0018}}}},
    }
    measured = {"run": {"seconds": 478, "drift": 9.7e-4, "change": -0.266, "tiny": 9.7e-7, "size": 704001, "of": "x"}}
    template = (
        "{{table_a.ours.rollout_nrmse:.4f}} ± {{table_a.ours.rollout_nrmse.sd:.1g}}, "
        "{{table_a.persistence.rollout_nrmse:.1f}}\n"
        "{{measured.run.seconds:min}}, {{measured.run.drift:.2f@-3}}, {{measured.run.change:+.0%}}, "
        "{{measured.run.tiny:.1e}}, {{measured.run.size:,}}, {{measured.run.of}}"
    )
    filled = benchmark_module("results").filled(template, {"table_a": record, "measured": measured}, {})
    assert filled.splitlines()[2:] == [
        "0.0566 ± 0.002, 0.5",
        "7 min 58 s, 0.97e-3, −27 %, 9.7e-7, 704,001, x",
    ]


@pytest.mark.parametrize(
    ("placeholder", "problem"),
    [
        ("{{measured.rnu.size:d}}", "no figure 'measured.rnu.size': no 'rnu' in 'measured' (did you mean 'run'?)"),
        ("{{measured.run}}", "no figure 'measured.run': it is no number"),
        ("{{measured.run.size:q}}", "'measured.run.size' cannot be written as 'q'"),
        ("{{table apebnech}}", "no table 'apebnech' (did you mean 'apebench'?)"),
    ],
)
def test_a_placeholder_that_cannot_be_filled_is_an_error_with_its_line(
    placeholder: str, problem: str, benchmark_module: Callable[[str], Module]
) -> None:
    with pytest.raises(UpsError) as error:
        benchmark_module("results").filled(f"text\n\nmore {placeholder}\n", {"measured": {"run": {"size": 3}}}, {})
    assert str(error.value).startswith(f"results_page.md:3: {problem}")


def test_a_listed_table_that_was_not_run_says_how(benchmark_module: Callable[[str], Module]) -> None:
    filled = benchmark_module("results").filled("{{table apebench}}", {}, {})
    assert "Not run yet: `python benchmarks/tables.py apebench`." in filled


def test_a_table_that_a_gpu_made_stands_below_that_of_a_cpu(benchmark_module: Callable[[str], Module]) -> None:
    record = json.loads((BENCHMARKS / "results/phase4.json").read_text(encoding="utf-8"))
    records = {"phase4_gpu": {**record, "command": "on a GPU"}, "phase4": {**record, "command": "on a CPU"}}
    filled = benchmark_module("results").filled("{{table phase4}}", records, {})
    assert re.findall(r"^`(on a .PU)`: code", filled, re.MULTILINE) == ["on a CPU", "on a GPU"]


@pytest.mark.filterwarnings("default")
def test_entries_of_all_tables_load_and_those_of_one_size_have_a_quarter_of_a_million_parameters(
    benchmark_module: Callable[[str], Module], tmp_path: Path
) -> None:
    tables, registry = benchmark_module("tables"), load_plugins()
    sizes: dict[str, int] = {}
    for table in tables.TABLES:
        assert len({entry.name for entry in table.entries}) == len(table.entries)
        assert {goal.entry for goal in table.goals} | {goal.than for goal in table.goals} <= {
            "",
            *(entry.name for entry in table.entries),
        }
        if table.time_of:
            continue
        found = tables.planned(table, (0,), tmp_path, registry, quick=False)
        assert all(why.startswith("not installed") for why in found.missing.values())
        assert len(found.trials) + len(found.missing) == len(table.entries)
        if table.name == "burgers_001":
            systems = {trial.variant: build_system(trial.recipe, registry) for trial in found.trials}
            sizes = {name: _parameters(system.simulator) for name, system in systems.items()}
    assert {name: size for name, size in sizes.items() if not 225_000 <= size <= 275_000} == {}


def _parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.filterwarnings("default")
def test_a_slower_network_gets_as_many_fewer_steps_and_keeps_them(
    benchmark_module: Callable[[str], Module], tmp_path: Path
) -> None:
    tables_list, tables = benchmark_module("tables_list"), benchmark_module("tables")
    sizes = {"small": ("operator.channels=2", "operator.blocks=1"), "large": ("operator.channels=32",)}
    few = ("data.validation=1", "data.test=1", "stages.operator.steps=400", "training.batch=4")
    entries = tuple(
        tables_list.Entry(name=name, label=name, recipe="peers/apebench_resnet", settings=(*few, *own))
        for name, own in sizes.items()
    )
    table = tables_list.Table(name="timed", title="", entries=entries, figures=(), time_of="small")
    first = tables.planned(table, (0,), tmp_path, load_plugins(), quick=False)
    steps = {trial.variant: trial.recipe.stages["operator"].steps for trial in first.trials}
    ratio = first.paces["large"].ratio
    assert ratio > 1.5
    assert steps == {"small": 400, "large": round(400 / ratio, -1)}
    again = tables.planned(table, (0,), tmp_path, load_plugins(), quick=False)
    assert [trial.digest for trial in again.trials] == [trial.digest for trial in first.trials]


@pytest.mark.filterwarnings("default")
def test_a_table_holds_the_figures_of_runs_that_are_there_and_its_page_shows_them(
    benchmark_module: Callable[[str], Module], tmp_path: Path
) -> None:
    tables_list, tables = benchmark_module("tables_list"), benchmark_module("tables")
    settings = ("data.train=2", "data.validation=1", "data.test=1", "training.batch=2", "stages.operator.steps=2")
    entry = tables_list.Entry(
        name="net", label="a net", recipe="apebench_burgers", settings=(*settings, "tracking.aim=false")
    )
    absent = tables_list.Entry(name="absent", label="another", recipe="burgers_256", needs=("no_such_library",))
    goal = tables_list.Goal(figure="rollout nrmse", below=0.0)
    table = tables_list.Table(name="t", title="t", entries=(entry, absent), figures=("rollout nrmse",), goals=(goal,))
    registry = load_plugins()
    found = tables.planned(table, (0,), tmp_path, registry, quick=False)
    (trial,) = found.trials
    folder = RunFolder.create(tmp_path, trial.folder(tmp_path).name)
    write_whole(folder.recipe, trial.text.encode())
    Run(recipe=trial.recipe, registry=registry, folder=folder, resume=True, report=lambda line: None).execute()
    record = tables.record_of(table, found, tmp_path, "the command", (0,))
    evaluation = json.loads(folder.evaluation.read_text(encoding="utf-8"))
    figures = record["entries"]["net"]["figures"]
    assert figures["rollout_nrmse"]["values"] == [evaluation["rows"]["model"]["rollout"]["nrmse"]]
    assert figures["parameters"]["mean"] == 28_153
    assert record["references"]["classical"]["one_step_nrmse"] == evaluation["rows"]["classical"]["one_step"]["nrmse"]
    assert record["entries"]["absent"]["missing"] == "not installed: no_such_library"
    assert record["goals"][0]["reached"] is False
    lines = benchmark_module("results_tables").table_text(record).splitlines()
    assert any(line.startswith("| a net | 28,153 | ") for line in lines)
    assert any(line.startswith("| another | not installed: no_such_library | ") for line in lines)
    assert lines[0].startswith("`the command`: code ")
