"""`report.html`: one page about a run, from its folder alone, that opens anywhere without a network."""

import tomllib
from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from ups_framework.runs import curves, page, pictures, tables
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.contents import Contents
from ups_framework.runs.coverage import coverage_picture
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.gates import read_verdicts
from ups_framework.runs.latent_curves import LATENT_CAPTION, latent_curves
from ups_framework.runs.plugin_pages import plugins_of, write_plugin_pages
from ups_framework.runs.predictions import Predictions


def write_report(folder: RunFolder) -> dict[str, bytes]:
    """Write `report.html`, and the plugins' pages beside it, from what the folder has; all pictures as PNG, by name.

    What the folder does not have (yet) leaves its section with one sentence saying so. Takes a few seconds.
    Raises RunError if a file is damaged.
    """
    contents = Contents.read(folder)
    body = [_header(contents), *(write(contents) for write in _SECTIONS)]
    write_plugin_pages(contents)
    write_whole(folder.report, page.page(f"{folder.name} – run report", body).encode())
    return contents.drawn


def _header(contents: Contents) -> str:
    recipe = tomllib.loads(contents.recipe_toml)
    kinds = ("data", "encoder", "operator", "decoder")
    facts: dict[str, str] = {kind: str(recipe[kind]["use"]) for kind in kinds if kind in recipe}
    cost = contents.evaluation.get("cost", {})
    facts |= {_words(name): _plain(value) for name, value in cost.items()}
    devices = contents.environment.get("devices") or [contents.environment.get("processor", "")]
    facts |= {"machine": devices[0]} if devices[0] else {}
    return page.header(contents.folder.name, "ups · neural simulators of physics · run report", facts)


def _results(contents: Contents) -> str:
    rows = contents.evaluation.get("rows")
    if not rows:
        return page.section("results", "Results on the test data", [page.missing("The run is not evaluated yet.")])
    parts = [page.paragraph(tables.comparison(rows))]
    for horizon, title in (("one_step", "One step"), ("rollout", "Rollout")):
        table = tables.results_table(rows, horizon)
        parts += [page.heading(title), table or page.missing(f"No row has metrics for {horizon}.")]
    return page.section("results", "Results on the test data", parts)


def _gates(contents: Contents) -> str:
    """What the recipe asks for and whether it is reached; no section of a recipe without gates."""
    verdicts = read_verdicts(contents.folder)
    rows = {
        name: [each.metric, tables.number(each.value), each.rule, each.state, each.reason or "–"]
        for name, each in verdicts.items()
    }
    table = page.table(["gate", "metric", "value", "asked for", "verdict", "why"], rows)
    return page.section("gates", "Gates", [table]) if verdicts else ""


def _rollout(contents: Contents) -> str:
    figure = curves.rollout_errors(contents.evaluation.get("rows", {}))
    caption = "Error at each step of the rollout, of the model and of the reference rows."
    part = contents.draw("rollout_error", figure, caption, "No row of the evaluation has an error by step.")
    return page.section("rollout", "Error over rollout time", [part])


def _fields(contents: Contents) -> str:
    caption = "Truth and prediction share one colour scale; the error has its own, around zero."
    write = _for_each_channel(contents, "fields", pictures.field_pictures, caption)
    return page.section("fields", "Truth, prediction and error", write)


def _spectra(contents: Contents) -> str:
    caption = (
        "Energy at each wavenumber, averaged over the saved test trajectories: where the prediction falls below the "
        "truth, its small scales are missing. Fields are taken as periodic."
    )
    return page.section("spectra", "Energy spectra", _for_each_channel(contents, "spectrum", pictures.spectra, caption))


def _for_each_channel(
    contents: Contents, name: str, draw: Callable[[Predictions, int], Figure | None], caption: str
) -> list[str]:
    predictions = contents.predictions
    if predictions is None:
        return [page.missing("The evaluation saved no predictions to show.")]
    otherwise = f"There is no such picture for {len(predictions.axes)} axes of space."
    return [
        contents.draw(f"{name}_{channel}", draw(predictions, index), f"{channel}. {caption}", otherwise)
        for index, channel in enumerate(predictions.channels)
    ]


def _coverage(contents: Contents) -> str:
    counts = contents.coverage
    caption = "How often the sampler chose each point of the training grid over all stages; 1 is the mean."
    figure = None if counts is None else coverage_picture(counts)
    part = contents.draw("coverage", figure, caption, "The run recorded no coverage that can be drawn.")
    return page.section("coverage", "Supervised points", [part])


def _plugins(contents: Contents) -> str:
    """Links to the plugins' pages, and the pictures that they drew."""
    links = {plugin: f"{contents.folder.plugin_pages.name}/{plugin}.html" for plugin in plugins_of(contents)}
    parts = [page.links("What each plugin had a part in: ", links)] if links else []
    parts += [contents.plugin_picture(name) for name in contents.plugin_pictures]
    return page.section("plugins", "Plugins", parts) if parts else ""


def _super_resolution(contents: Contents) -> str:
    errors = contents.evaluation.get("super_resolution")
    text = "Decoded at the points of finer grids and compared with the truth on those grids."
    parts = [page.paragraph(text), tables.super_resolution_table(errors)] if errors else []
    return page.section(
        "super-resolution", "Super-resolution", parts or [page.missing("Super-resolution was not evaluated.")]
    )


def _training(contents: Contents) -> str:
    losses, validation = curves.loss_curves(contents.metrics), curves.validation_curve(contents.metrics)
    caption = "Left as each term comes, right as it enters the total. Vertical lines: stages begin."
    parts = [
        contents.draw("loss", losses, caption, "No training step is recorded."),
        contents.draw(
            "validation_error", validation, "Chooses the weights that are kept.", "No validation is recorded."
        ),
        page.heading("Latents and gradients"),
        contents.draw("latents", latent_curves(contents.metrics), LATENT_CAPTION, "No diagnostics are recorded."),
    ]
    return page.section("training", "Training", parts)


def _audit(contents: Contents) -> str:
    figure = curves.gradient_shares(contents.audits)
    caption = "Norm of each weighted term's gradient as a share of the sum over all terms."
    parts = [contents.draw("gradient_share", figure, caption, "No audit is recorded.")]
    for stage in dict.fromkeys(audit["stage"] for audit in contents.audits):
        parts += [page.heading(f"Last audit of stage {stage}"), tables.audit_table(contents.audits, stage)]
    return page.section("audit", "What each loss term does", parts)


def _protocol(contents: Contents) -> str:
    protocol = {name: _plain(value) for name, value in contents.evaluation.get("protocol", {}).items()}
    parts = [page.definitions(protocol) if protocol else page.missing("The evaluation states no protocol.")]
    return page.section("protocol", "Protocol", parts)


def _origin(contents: Contents) -> str:
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
    _gates,
    _rollout,
    _fields,
    _spectra,
    _plugins,
    _super_resolution,
    _training,
    _coverage,
    _audit,
    _protocol,
    _origin,
)
