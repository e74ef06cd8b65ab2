"""The report: from a folder alone, whole, self-contained."""

import itertools
import math
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import attrs
import numpy as np
import pytest
from matplotlib.text import Annotation

from ups_framework.errors import RunError
from ups_framework.runs import curves, pictures
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.latent_curves import latent_curves
from ups_framework.runs.predictions import Predictions, load_predictions, save_predictions
from ups_framework.runs.records import read_json, read_jsonl, write_json
from ups_framework.runs.report import write_report
from ups_framework.runs.spectra import energy_spectrum

VOID = {"meta", "img", "br"}


class WellFormed(HTMLParser):
    """Checks that every tag is closed in its turn and collects what a test asks about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.sources += [str(values[name]) for name in ("src", "href") if name in values]
        if tag == "section":
            self.sections.append(str(values["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_report_is_well_formed_loads_nothing_and_has_every_section(filled_folder: RunFolder) -> None:
    start = time.process_time()
    drawn = write_report(filled_folder)
    seconds = time.process_time() - start
    text = filled_folder.report.read_text()
    parsed = WellFormed(text)
    print(f"report: {seconds:.2f} s of one core, {len(text) / 1e6:.2f} MB, {len(drawn)} pictures")
    assert parsed.sections == [
        *("results", "rollout", "fields", "spectra", "plugins", "super-resolution", "training", "coverage", "audit"),
        *("protocol", "recipe"),
    ]
    pictures = [source for source in parsed.sources if source.startswith("data:image/png;base64,")]
    assert len(pictures) == len(drawn) == 8
    assert set(parsed.sources) - set(pictures) == {"plugins/burgers.html"}
    assert "http" not in re.sub(r"base64,[^\"]*", "", text)
    assert 'class="missing"' not in text
    assert "<dt>peak memory MiB</dt>" in text
    assert seconds < 5


def test_what_comes_from_files_cannot_become_markup(evaluated_folder: RunFolder) -> None:
    evaluation = read_json(evaluated_folder.evaluation)
    evaluation["protocol"]["<b>"] = "<img src=http://x>"
    write_json(evaluated_folder.evaluation, evaluation)
    write_report(evaluated_folder)
    text = evaluated_folder.report.read_text()
    assert "script" not in WellFormed(text).tags
    assert "b" not in WellFormed(text).tags
    assert "&lt;script&gt;alert(1)" in text


def test_an_empty_folder_has_a_report_that_says_what_is_missing(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "killed_at_once")
    assert write_report(folder) == {}
    text = folder.report.read_text()
    WellFormed(text)
    assert "not evaluated yet" in text
    assert "Super-resolution was not evaluated." in text


def test_the_results_compare_the_model_with_each_reference(evaluated_folder: RunFolder) -> None:
    evaluation = read_json(evaluated_folder.evaluation)
    for row, error in (("model", 0.05), ("persistence", 0.5), ("spatial_mean", 0.4), ("classical", 0.1)):
        evaluation["rows"][row]["rollout"]["nrmse"] = error
    write_json(evaluated_folder.evaluation, evaluation)
    write_report(evaluated_folder)
    sentence = "nRMSE is 0.05: 0.1 × persistence, 0.12 × spatial mean, 0.5 × classical."
    assert sentence in evaluated_folder.report.read_text().replace("&#x27;", "'")


def test_a_diverged_rollout_is_reported_as_such(filled_folder: RunFolder) -> None:
    evaluation = read_json(filled_folder.evaluation)
    evaluation["rows"]["model"]["rollout"] = {"nrmse": float("nan"), "by_step": [0.1, float("inf")]}
    write_json(filled_folder.evaluation, evaluation)
    predictions = load_predictions(filled_folder.predictions)
    predictions.prediction[0, 5:] = np.nan
    save_predictions(filled_folder.predictions, predictions)
    filled_folder.metrics.unlink()  # what was recorded while it trained needs no drawing here
    filled_folder.audit.unlink()
    write_report(filled_folder)
    assert "no finite nRMSE" in filled_folder.report.read_text()


def test_a_stage_is_marked_where_the_one_before_ended(filled_folder: RunFolder) -> None:
    metrics, audits = read_jsonl(filled_folder.metrics), read_jsonl(filled_folder.audit)
    audits += [{"stage": "last", "step": 3000, "rows": audits[-1]["rows"]}]
    for figure, starts in (
        (curves.loss_curves(metrics), {"autoencode": 0, "operator": 600}),
        (curves.validation_curve(metrics), {"autoencode": 0, "operator": 600}),
        (curves.gradient_shares(audits), {"autoencode": 300, "operator": 900, "last": 3000}),
    ):
        assert figure is not None
        for axes in figure.axes:
            named = {text.get_text(): text for text in axes.texts if isinstance(text, Annotation)}
            assert {name: text.xy[0] for name, text in named.items()} == starts
            heights = sorted(text.xyann[1] for text in named.values())
            assert all(second - first >= 9 for first, second in itertools.pairwise(heights))


def test_the_validation_curve_shows_errors_and_the_figure_of_latents_shows_diagnostics(
    filled_folder: RunFolder,
) -> None:
    metrics = read_jsonl(filled_folder.metrics)
    errors, latents = curves.validation_curve(metrics), latent_curves(metrics)
    assert errors is not None
    assert latents is not None
    assert [line.get_label() for line in errors.axes[0].lines[:2]] == ["nrmse", "one_step_nrmse"]
    assert len(latents.axes) == 4
    assert all(
        axes.get_xlabel() == curves.STEP and axes.get_ylabel() and axes.get_title(loc="left") for axes in latents.axes
    )
    shown = {str(line.get_label()): line for axes in latents.axes for line in axes.lines}
    assert {"token norm, mean", "token norm, sd", "effective rank", "u, below the mean", "u, above the mean"} < set(
        shown
    )
    assert np.asarray(shown["record with spikes"].get_xdata()).tolist() == [900, 1800, 2700]


def test_a_run_without_diagnostics_has_no_figure_of_latents(filled_folder: RunFolder) -> None:
    records = [r for r in read_jsonl(filled_folder.metrics) if "effective_rank" not in r["values"]]
    assert latent_curves(records) is None


def test_latents_that_are_not_finite_leave_gaps(filled_folder: RunFolder) -> None:
    records = read_jsonl(filled_folder.metrics)
    for record in records:
        record["values"] = dict.fromkeys(record["values"])
    assert latent_curves(records) is not None


def test_no_line_joins_two_stages(filled_folder: RunFolder) -> None:
    figures = [
        curves.loss_curves(read_jsonl(filled_folder.metrics)),
        curves.validation_curve(read_jsonl(filled_folder.metrics)),
        curves.gradient_shares(read_jsonl(filled_folder.audit)),
    ]
    lines = [line for figure in figures if figure for axes in figure.axes for line in axes.lines]
    assert any(np.isnan(line.get_ydata()).any() for line in lines)
    for line in lines:
        pairs = itertools.pairwise(np.asarray(line.get_xydata()).tolist())
        assert not [end for (start, y), (end, z) in pairs if start <= 600 < end and math.isfinite(y + z)]


def test_all_labels_of_an_axis_look_alike(filled_folder: RunFolder) -> None:
    records = read_jsonl(filled_folder.metrics)
    figure = curves.validation_curve(records)
    assert figure is not None
    (axes,) = figure.axes
    labels = axes.get_yticklabels(which="both")
    assert len({(label.get_fontsize(), label.get_color()) for label in labels}) == 1


def test_a_unit_of_1_is_left_out_of_labels() -> None:
    line = attrs.evolve(_constant((8,)), axis_units=("1",), channel_units=("1",))
    figure = pictures.field_pictures(line, 0)
    assert figure is not None
    texts = [label for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel()) if label]
    assert sorted(texts) == ["T", "a", "error of T", "time t", "time t", "time t"]
    assert pictures.spectra(line, 0).axes[0].get_ylabel() == "energy E(k) of T"


def test_fields_over_two_axes_are_shown_as_frames_and_over_three_are_left_out() -> None:
    plane = _constant((8, 6))
    figure = pictures.field_pictures(plane, 0)
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes[:2]] == ["t = 0", "t = 1"]
    assert figure.axes[0].get_ylabel() == "truth\nb [m]"
    assert pictures.field_pictures(_constant((4, 4, 4)), 0) is None


def test_truth_and_prediction_share_one_colour_scale_and_the_error_is_centred() -> None:
    line = _constant((8,))
    line.prediction[:] = 7.0
    line.truth[0, 0, 0, 0] = -1.0
    figure = pictures.field_pictures(line, 0)
    assert figure is not None
    truth, prediction, error = (axes.images[0].get_clim() for axes in figure.axes[:3])
    assert truth == prediction == (-1.0, 1.0)
    assert error == (-8.0, 8.0)


@pytest.mark.parametrize("shape", [(64,), (32, 32)])
def test_a_single_wave_has_its_energy_at_its_wavenumber(shape: tuple[int, ...]) -> None:
    x = np.arange(shape[0]) / shape[0]
    wave = np.sin(2 * np.pi * 5 * x).reshape(-1, *[1] * (len(shape) - 1)) * np.ones(shape)
    spectrum = energy_spectrum(wave, len(shape))
    assert spectrum[5] == pytest.approx(0.25)
    assert spectrum.sum() == pytest.approx(0.25)


def test_a_spectrum_sums_to_half_the_mean_square() -> None:
    field = np.random.default_rng(0).normal(size=(3, 129))
    assert energy_spectrum(field, 1).sum() == pytest.approx(0.5 * (field**2).mean())


def test_predictions_come_back_as_saved_and_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    saved = _constant((4, 3))
    path = tmp_path / "predictions.npz"
    save_predictions(path, saved)
    back = load_predictions(path)
    np.testing.assert_array_equal(back.truth, saved.truth)
    assert (back.axes, back.channel_units, back.grid_shape) == (("a", "b"), ("K",), (4, 3))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RunError, match="damaged"):
        load_predictions(path)


def _constant(shape: tuple[int, ...]) -> Predictions:
    values = np.ones((1, 2, int(np.prod(shape)), 1), dtype=np.float32)
    return Predictions(
        prediction=values.copy(),
        truth=values.copy(),
        t=np.array([0.0, 1.0]),
        x=tuple(np.linspace(0, 1, n) for n in shape),
        axes=("a", "b", "c")[: len(shape)],
        axis_units=("m",) * len(shape),
        channels=("T",),
        channel_units=("K",),
    )
