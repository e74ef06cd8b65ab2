"""`plugins/NAME.html`: what a plugin had a part in and what came of it, from the run's folder alone.

Every plugin that a recipe names has such a page, ours and a stranger's: its parts with their settings, its metrics and
baselines on the test data, what its loss terms weighed, and its pictures.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from ups_framework.runs import page, tables
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.contents import Contents

_HORIZONS = {"one_step": "One step", "rollout": "Rollout"}
_OWN = "builtin"
"""What comes with the framework: its parts fill the report."""


def write_plugin_pages(contents: Contents) -> None:
    """Write the page of each plugin that the resolved recipe names."""
    folder = contents.folder.plugin_pages
    for plugin in plugins_of(contents):
        folder.mkdir(exist_ok=True)
        title = f"{plugin} in {contents.folder.name}"
        write_whole(folder / f"{plugin}.html", page.page(title, _body(contents, plugin, title)).encode())


def plugins_of(contents: Contents) -> list[str]:
    """The plugins that the recipe names, in its order, less the framework's own parts.

    A name that no plugin can have, in a folder that somebody changed, has no page.
    """
    used = (component.partition(":")[0] for _, component, _ in _parts(tomllib.loads(contents.recipe_toml)))
    return [plugin for plugin in dict.fromkeys(used) if plugin != _OWN and plugin.isidentifier()]


def _parts(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path, `plugin:name` and settings of every component, also of those inside another."""
    if path and "use" in table:
        yield path, str(table["use"]), {key: value for key, value in table.items() if key != "use"}
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _parts(value, f"{path}.{key}" if path else key)


def _body(contents: Contents, plugin: str, title: str) -> Iterator[str]:
    parts = {path: (name, settings) for path, name, settings in _parts(tomllib.loads(contents.recipe_toml))}
    own = {path: value for path, value in parts.items() if value[0].partition(":")[0] == plugin}
    yield page.header(title, "ups · what a plugin had a part in", {"parts": str(len(own))})
    yield page.links("The whole run: ", {"report": f"../{contents.folder.report.name}"})
    rows = {path: [name.partition(":")[2], _settings(settings)] for path, (name, settings) in own.items()}
    yield page.section("parts", "Parts of the recipe", [page.table(["", "component", "settings"], rows)])
    yield from _results(contents, _names(own, "metrics"), _names(own, "baselines"))
    yield from _terms(contents, _names(own, "losses"))
    drawn = [name for name in contents.plugin_pictures if name in _names(own, "pictures")]
    if drawn:
        yield page.section("pictures", "Pictures", map(contents.plugin_picture, drawn))


def _names(parts: Mapping[str, object], table: str) -> set[str]:
    return {path.split(".")[1] for path in parts if path.startswith(f"{table}.")}


def _settings(settings: Mapping[str, Any]) -> str:
    plain = {key: value for key, value in settings.items() if not isinstance(value, dict)}
    return ", ".join(f"{key} = {value}" for key, value in plain.items()) or "–"


def _results(contents: Contents, metrics: set[str], baselines: set[str]) -> Iterator[str]:
    """The plugin's metrics of every row, beside the nRMSE, and its baselines."""
    rows = contents.evaluation.get("rows", {})
    shown = rows if metrics else {name: row for name, row in rows.items() if name in baselines | {"model"}}
    if not metrics | baselines or not rows:
        return
    parts = []
    for horizon, title in _HORIZONS.items():
        kept = {"nrmse", *metrics}
        chosen = {
            name: {horizon: {key: value for key, value in row[horizon].items() if key in kept}}
            for name, row in shown.items()
            if horizon in row
        }
        if table := tables.results_table(chosen, horizon):
            parts += [page.heading(title), table]
    yield page.section("results", "Results on the test data", parts)


def _terms(contents: Contents, names: set[str]) -> Iterator[str]:
    """The last audit of the plugin's loss terms in each stage."""
    stages = dict.fromkeys(audit["stage"] for audit in contents.audits)
    parts = []
    for stage in stages:
        last = [audit for audit in contents.audits if audit["stage"] == stage][-1]
        own = [row for row in last["rows"] if row["term"] in names]
        if own:
            parts += [page.heading(f"Last audit of stage {stage}"), tables.audit_table([{**last, "rows": own}], stage)]
    if parts:
        yield page.section("terms", "Loss terms", parts)
