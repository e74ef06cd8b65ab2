"""What Aim shows of each file of a run's folder. Shown again, everything replaces what it was: nothing comes twice."""

import io
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import PIL.Image
from attrs import frozen

from ups_framework.runs import shown
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.page import pictures
from ups_framework.runs.predictions import load_predictions, step_of
from ups_framework.runs.records import Record, read_json, read_jsonl
from ups_framework.runs.shown import Point
from ups_framework.runs.text_tables import audit_text, gates_text, results_text

Aim = Any  # Aim is untyped


@frozen(kw_only=True)
class Target:
    """An Aim run and the folder that it shows."""

    aim: Aim
    """The package."""

    run: Aim
    """Open for writing."""

    folder: RunFolder
    """Where everything comes from."""

    def points(self, points: Iterable[Point]) -> None:
        """Numbers of series."""
        for point in points:
            self.run.track(point.value, name=point.name, step=point.step, context=dict(point.context))

    def picture(self, name: str, picture: bytes, step: int, context: Mapping[str, str], caption: str = "") -> None:
        """A picture, or a film that is played."""
        image = self.aim.Image(PIL.Image.open(io.BytesIO(picture)), caption=caption or name)
        self.run.track(image, name=name, step=step, context=dict(context))

    def text(self, name: str, text: str, step: int, context: Mapping[str, str]) -> None:
        """A text."""
        self.run.track(self.aim.Text(text), name=name, step=step, context=dict(context))

    @property
    def steps(self) -> int:
        """Of the whole run: where what is known at the end is shown."""
        stages = tomllib.loads(self.folder.recipe.read_text(encoding="utf-8"))["stages"]
        return sum(stage["steps"] for stage in stages.values())


def recipe(target: Target, data: bytes) -> None:
    """Name, description, and the resolved recipe as nested parameters and as text."""
    text = data.decode()
    parameters = tomllib.loads(text)
    place = str(target.folder.path.resolve())
    target.run.name = target.folder.name
    target.run.description = f"{parameters.get('description', '')} (run folder {place})".strip()
    target.run["recipe"] = parameters
    target.run["recipe_toml"] = text
    target.run["folder"] = place


def environment(target: Target, data: bytes) -> None:
    """Versions of everything, the device, the commit, and the digest of the data."""
    target.run["environment"] = json.loads(data)


def tags(target: Target, data: bytes) -> None:
    """The words that people put on the run."""
    words = set(json.loads(data)["tags"])
    for gone in set(target.run.tags) - words:
        target.run.remove_tag(gone)
    for word in sorted(words - set(target.run.tags)):
        target.run.add_tag(word)


def status(target: Target, data: bytes) -> None:
    """How its last process began and ended."""
    target.run["status"] = {name: value or "" for name, value in json.loads(data).items()}


def metrics(target: Target, lines: bytes) -> None:
    """Losses and validation figures."""
    for record in _records(lines):
        target.points(shown.of_metrics(record))


def audit(target: Target, lines: bytes) -> None:
    """Shares and gradient norms, and each audit as a table."""
    for record in _records(lines):
        target.points(shown.of_audit(record))
        target.text("audit", audit_text(record), record["step"], {"stage": record["stage"]})


def distributions(target: Target, lines: bytes) -> None:
    """Histograms of the gradient in each part, and of the tokens."""
    for record in _records(lines):
        for part, spread in record["parts"].items():
            counts = target.aim.Distribution(hist=spread["counts"], bin_range=(spread["low"], spread["high"]))
            context = {"stage": record["stage"], "part": part}
            target.run.track(counts, name=record["of"], step=record["step"], context=context)


def _singular_values(target: Target) -> None:
    from ups_framework.runs.plot_style import png
    from ups_framework.runs.singular_values import singular_values

    figure = singular_values(read_jsonl(target.folder.distributions))
    if figure is not None:
        target.picture("latent_singular_values", png(figure), target.steps, {"subset": "validation"})


def evaluation(target: Target, data: bytes) -> None:
    """The metrics of all rows, as series, as a table, and as parameters for the table of runs."""
    record = json.loads(data)
    target.points(shown.of_evaluation(record, target.steps))
    target.text("results", results_text(record["rows"]), target.steps, {"subset": "test"})
    _results(target)


def gates(target: Target, data: bytes) -> None:
    """The verdicts."""
    target.text("gates", gates_text(json.loads(data)), target.steps, {})
    _results(target)


def _results(target: Target) -> None:
    folder = target.folder
    evaluation, gates = (read_json(p) if p.exists() else {} for p in (folder.evaluation, folder.gates))
    target.run["results"] = shown.results(evaluation, gates)


def snapshot(path: Path) -> Callable[[Target, bytes], None]:
    """What shows one file of predictions of validation trajectories."""

    def show(target: Target, data: bytes) -> None:
        from ups_framework.runs.pictures import field_pictures
        from ups_framework.runs.plot_style import png

        predicted, figure = load_predictions(path), path.stem.partition("-")[2]
        for index, channel in enumerate(predicted.channels):
            drawn = field_pictures(predicted, index)
            if drawn is not None:
                context = {"subset": "validation", "field": channel, "figure": figure}
                step = step_of(path)
                caption = f"step {step}, {channel}: truth, prediction ({figure}) and error"
                target.picture("validation", png(drawn, dpi=90), step, context, caption)

    return show


def report(target: Target, data: bytes) -> None:
    """The pictures of the report, and the singular values of the latents."""
    for name, picture in pictures(data.decode()).items():
        target.picture(name, picture, target.steps, {"subset": "test"})
    _singular_values(target)


def predictions(target: Target, data: bytes) -> None:
    """A film of each channel."""
    from ups_framework.runs.film import film

    saved = load_predictions(target.folder.predictions)
    for index, channel in enumerate(saved.channels):
        moving = film(saved, index)
        if moving is not None:
            context = {"subset": "test", "field": channel}
            target.picture("rollout_film", moving, target.steps, context, f"{channel} over the rollout")


def _records(lines: bytes) -> Iterator[Record]:
    return map(json.loads, lines.splitlines())
