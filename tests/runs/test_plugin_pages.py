"""Each plugin that a recipe names has a page of its own about a run: its parts, results, loss terms and pictures."""

import pytest

from tests.runs.test_report import WellFormed
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.records import read_json, write_json
from ups_framework.runs.report import write_report

MORE = """
[losses.prediction]
use = "builtin:relative_l2"

[losses.conservation]
use = "physics_priors:conservation"
share = 0.05

[sampler]
use = "query_sampling:curriculum"

[sampler.sampler]
use = "query_sampling:uniform"
fraction = 0.5

[metrics.nrmse]
use = "builtin:nrmse"

[metrics.drift]
use = "physics_priors:conservation_drift"

[baselines.persistence]
use = "builtin:persistence"

[baselines.classical]
use = "burgers:finite_volume"

[pictures.tracks]
use = "strangers:tracks"
"""


@pytest.fixture
def pages(filled_folder: RunFolder) -> dict[str, str]:
    """The text of each plugin's page."""
    filled_folder.recipe.write_text(filled_folder.recipe.read_text() + MORE)
    evaluation = read_json(filled_folder.evaluation)
    for row in evaluation["rows"].values():
        row["one_step"]["drift"] = 0.00321
    write_json(filled_folder.evaluation, evaluation)
    filled_folder.pictures.mkdir()
    (filled_folder.pictures / "tracks.png").write_bytes(b"picture")
    drawn = {"component": "strangers:tracks", "caption": "Where vortices went.", "problem": None}
    write_json(filled_folder.pictures_index, {"tracks": drawn})
    write_report(filled_folder)
    return {path.stem: path.read_text() for path in filled_folder.plugin_pages.glob("*.html")}


def test_every_plugin_but_the_framework_s_own_has_one_and_the_report_links_to_it(
    pages: dict[str, str], filled_folder: RunFolder
) -> None:
    names = ["burgers", "physics_priors", "query_sampling", "strangers"]
    assert sorted(pages) == names
    links = WellFormed(filled_folder.report.read_text()).sources
    assert sorted(link for link in links if link.endswith(".html")) == [f"plugins/{name}.html" for name in names]
    assert all("../report.html" in WellFormed(text).sources for text in pages.values())


def test_it_shows_the_plugin_s_metrics_of_all_rows_and_what_its_terms_weighed(pages: dict[str, str]) -> None:
    text = pages["physics_priors"]
    assert WellFormed(text).sections == ["parts", "results", "terms"]
    assert text.count("0.00321") == 5
    assert "frmse_high" not in text
    assert "losses.conservation" in text
    assert "share = 0.05" in text
    assert "Last audit of stage operator" in text
    assert "prediction" not in text


def test_a_plugin_s_baseline_stands_beside_the_model_alone(pages: dict[str, str]) -> None:
    text = pages["burgers"]
    assert ">classical<" in text
    assert ">persistence<" not in text
    assert ">model<" in text


def test_components_inside_components_and_pictures_are_on_it(pages: dict[str, str]) -> None:
    assert "sampler.sampler" in pages["query_sampling"]
    assert "fraction = 0.5" in pages["query_sampling"]
    assert "Where vortices went." in pages["strangers"]
    assert "data:image/png;base64,cGljdHVyZQ==" in pages["strangers"]
