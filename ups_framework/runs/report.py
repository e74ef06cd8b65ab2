"""`report.html`: one page about a run, from its folder alone, that opens anywhere without a network."""

import tomllib
from collections.abc import Callable, Mapping

from attrs import field, frozen
from matplotlib.figure import Figure

from ups_framework.runs import curves, page, pictures, tables
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.coverage import Counts, coverage_picture, load_coverage
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.latent_curves import LATENT_CAPTION, latent_curves
from ups_framework.runs.plot_style import png
from ups_framework.runs.plugin_pictures import PluginPicture, read_pictures
from ups_framework.runs.predictions import Predictions, load_predictions
from ups_framework.runs.records import Record, read_json, read_jsonl


def write_report(folder: RunFolder) -> dict[str, bytes]:
    """Write `report.html` from what the folder has; the pictures drawn for it, as PNG files by name.

    What the folder does not have (yet) leaves its section with one sentence saying so. Takes a few seconds.
    Raises RunError if a file is damaged.
    """
    contents = _Contents.read(folder)
    body = [_header(contents), *(write(contents) for write in _SECTIONS)]
    write_whole(folder.report, page.page(f"{folder.name} – run report", body).encode())
    return contents.drawn


@frozen
class _Contents:
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
    def read(cls, folder: RunFolder) -> "_Contents":
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


def _header(contents: _Contents) -> str:
    recipe = tomllib.loads(contents.recipe_toml)
    kinds = ("data", "encoder", "operator", "decoder")
    facts: dict[str, str] = {kind: str(recipe[kind]["use"]) for kind in kinds if kind in recipe}
    cost = contents.evaluation.get("cost", {})
    facts |= {_words(name): _plain(value) for name, value in cost.items()}
    devices = contents.environment.get("devices") or [contents.environment.get("processor", "")]
    facts |= {"machine": devices[0]} if devices[0] else {}
    return page.header(contents.folder.name, "ups · neural simulators of physics · run report", facts)


def _results(contents: _Contents) -> str:
    rows = contents.evaluation.get("rows")
    if not rows:
        return page.section("results", "Results on the test data", [page.missing("The run is not evaluated yet.")])
    parts = [page.paragraph(tables.comparison(rows))]
    for horizon, title in (("one_step", "One step"), ("rollout", "Rollout")):
        table = tables.results_table(rows, horizon)
        parts += [page.heading(title), table or page.missing(f"No row has metrics for {horizon}.")]
    return page.section("results", "Results on the test data", parts)


def _rollout(contents: _Contents) -> str:
    figure = curves.rollout_errors(contents.evaluation.get("rows", {}))
    caption = "Error at each step of the rollout, of the model and of the reference rows."
    part = contents.draw("rollout_error", figure, caption, "No row of the evaluation has an error by step.")
    return page.section("rollout", "Error over rollout time", [part])


def _fields(contents: _Contents) -> str:
    caption = "Truth and prediction share one colour scale; the error has its own, around zero."
    write = _for_each_channel(contents, "fields", pictures.field_pictures, caption)
    return page.section("fields", "Truth, prediction and error", write)


def _spectra(contents: _Contents) -> str:
    caption = (
        "Energy at each wavenumber, averaged over the saved test trajectories: where the prediction falls below the "
        "truth, its small scales are missing. Fields are taken as periodic."
    )
    return page.section("spectra", "Energy spectra", _for_each_channel(contents, "spectrum", pictures.spectra, caption))


def _for_each_channel(
    contents: _Contents, name: str, draw: Callable[[Predictions, int], Figure | None], caption: str
) -> list[str]:
    predictions = contents.predictions
    if predictions is None:
        return [page.missing("The evaluation saved no predictions to show.")]
    otherwise = f"There is no such picture for {len(predictions.axes)} axes of space."
    return [
        contents.draw(f"{name}_{channel}", draw(predictions, index), f"{channel}. {caption}", otherwise)
        for index, channel in enumerate(predictions.channels)
    ]


def _coverage(contents: _Contents) -> str:
    counts = contents.coverage
    caption = "How often the sampler chose each point of the training grid over all stages; 1 is the mean."
    figure = None if counts is None else coverage_picture(counts)
    part = contents.draw("coverage", figure, caption, "The run recorded no coverage that can be drawn.")
    return page.section("coverage", "Supervised points", [part])


def _plugin_pictures(contents: _Contents) -> str:
    """A heading for each plugin that draws, then its pictures."""
    parts = []
    pictures = contents.plugin_pictures
    for plugin in dict.fromkeys(picture.component.partition(":")[0] for picture in pictures.values()):
        parts.append(page.heading(f"From plugin {plugin}"))
        for name, picture in pictures.items():
            if picture.component.partition(":")[0] == plugin:
                parts.append(_plugin_picture(contents, name, picture))
    return page.section("pictures", "Pictures of the plugins", parts) if parts else ""


def _plugin_picture(contents: _Contents, name: str, picture: PluginPicture) -> str:
    if picture.problem is not None:
        return page.missing(f"{name} ({picture.component}) could not be drawn: {picture.problem}")
    contents.drawn[name] = (contents.folder.pictures / f"{name}.png").read_bytes()
    return page.figure(name, contents.drawn[name], f"{picture.caption} ({name}: {picture.component})")


def _super_resolution(contents: _Contents) -> str:
    errors = contents.evaluation.get("super_resolution")
    text = "Decoded at the points of finer grids and compared with the truth on those grids."
    parts = [page.paragraph(text), tables.super_resolution_table(errors)] if errors else []
    return page.section(
        "super-resolution", "Super-resolution", parts or [page.missing("Super-resolution was not evaluated.")]
    )


def _training(contents: _Contents) -> str:
    losses, validation = curves.loss_curves(contents.metrics), curves.validation_curve(contents.metrics)
    caption = "Left as each term comes, right as it enters the total. Vertical lines: stages begin."
    parts = [
        contents.draw("loss", losses, caption, "No training step is recorded."),
        contents.draw("validation", validation, "Chooses the weights that are kept.", "No validation is recorded."),
        page.heading("Latents and gradients"),
        contents.draw("latents", latent_curves(contents.metrics), LATENT_CAPTION, "No diagnostics are recorded."),
    ]
    return page.section("training", "Training", parts)


def _audit(contents: _Contents) -> str:
    figure = curves.gradient_shares(contents.audits)
    caption = "Norm of each weighted term's gradient as a share of the sum over all terms."
    parts = [contents.draw("gradient_share", figure, caption, "No audit is recorded.")]
    for stage in dict.fromkeys(audit["stage"] for audit in contents.audits):
        parts += [page.heading(f"Last audit of stage {stage}"), tables.audit_table(contents.audits, stage)]
    return page.section("audit", "What each loss term does", parts)


def _protocol(contents: _Contents) -> str:
    protocol = {name: _plain(value) for name, value in contents.evaluation.get("protocol", {}).items()}
    parts = [page.definitions(protocol) if protocol else page.missing("The evaluation states no protocol.")]
    return page.section("protocol", "Protocol", parts)


def _origin(contents: _Contents) -> str:
    environment = {name: _plain(value) for name, value in contents.environment.items()}
    recipe = contents.recipe_toml
    return page.section(
        "recipe",
        "Recipe and environment",
        [
            page.folded("Resolved recipe", recipe) if recipe else page.missing("The folder has no recipe.toml."),
            page.definitions(environment) if environment else page.missing("The folder has no environment.json."),
        ],
    )


def _words(name: str) -> str:
    return name.replace("_", " ").replace("mib", "MiB")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return tables.number(value)
    if isinstance(value, list):
        return " ".join(map(str, value)) or "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items()) or "–"
    return "–" if value is None else str(value)


_SECTIONS = (
    _results,
    _rollout,
    _fields,
    _spectra,
    _plugin_pictures,
    _super_resolution,
    _training,
    _coverage,
    _audit,
    _protocol,
    _origin,
)
