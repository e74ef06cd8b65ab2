"""What the folder of a run holds, read for the pages about it."""

from collections.abc import Mapping

from attrs import field, frozen
from matplotlib.figure import Figure

from ups_framework.runs import page
from ups_framework.runs.coverage import Counts, load_coverage
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.plot_style import png
from ups_framework.runs.plugin_pictures import PluginPicture, read_pictures
from ups_framework.runs.predictions import Predictions, load_predictions
from ups_framework.runs.records import Record, read_json, read_jsonl


@frozen
class Contents:
    """What was read from the folder, and what was drawn from it."""

    folder: RunFolder
    recipe_toml: str
    environment: Record
    metrics: list[Record]
    audits: list[Record]
    evaluation: Record
    predictions: Predictions | None
    coverage: Counts | None
    plugin_pictures: Mapping[str, PluginPicture]
    drawn: dict[str, bytes] = field(factory=dict)

    @classmethod
    def read(cls, folder: RunFolder) -> "Contents":
        return cls(
            folder=folder,
            recipe_toml=folder.recipe.read_text(encoding="utf-8") if folder.recipe.exists() else "",
            environment=read_json(folder.environment) if folder.environment.exists() else {},
            metrics=read_jsonl(folder.metrics),
            audits=read_jsonl(folder.audit),
            evaluation=read_json(folder.evaluation) if folder.evaluation.exists() else {},
            predictions=load_predictions(folder.predictions) if folder.predictions.exists() else None,
            coverage=load_coverage(folder.coverage) if folder.coverage.exists() else None,
            plugin_pictures=read_pictures(folder),
        )

    def draw(self, name: str, figure: Figure | None, caption: str, otherwise: str) -> str:
        """The figure as a part of the page, or the sentence `otherwise` where there is none."""
        if figure is None:
            return page.missing(otherwise)
        self.drawn[name] = png(figure)
        return page.figure(name, self.drawn[name], caption)

    def plugin_picture(self, name: str) -> str:
        """A picture that a plugin drew, as a part of a page, or why there is none."""
        picture = self.plugin_pictures[name]
        if picture.problem is not None:
            return page.missing(f"{name} ({picture.component}) could not be drawn: {picture.problem}")
        self.drawn[name] = (self.folder.pictures / f"{name}.png").read_bytes()
        return page.figure(name, self.drawn[name], f"{picture.caption} ({name}: {picture.component})")
