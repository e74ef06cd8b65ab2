"""Writes docs/results.md: the text of results_page.md, with its figures and tables put in.

    python benchmarks/results.py

`{{table NAME}}` becomes the table that `tables.py NAME` made, or says how to make it. `{{NAME.KEY.KEY:FORMAT}}` becomes
one figure of `results/NAME.json`, such as `{{phase4.burgers_phase4.rollout_nrmse:.4f}}`, the mean over seeds; after it
`.sd` gives the standard deviation. NAME may also be `experiments` or `query_sampling`, whose files lie beside this one.
`{{effects.EXPERIMENT.FIGURE.plain:FORMAT}}` is of effects.json: `plain`, `changed`, `change` (as part of the plain
one's), `less` (its negative), `plain_sd`, `changed_sd`; of `step_time` also `ratio`.
`{{published.TABLE.ROW.FIGURE:FORMAT}}` is of a quoted row of tables_list.py.

FORMAT is Python's, and may end in a fixed power of ten: 0.00097 is `0.97e-3` by `.2f@-3`. `min` writes seconds as
`7 min 58 s`. A figure that is not there is an error with the line that names it.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results_tables import ON_GPU, figure_key, table_text
from tables_list import TABLES, Table

from ups_framework.errors import UpsError
from ups_framework.runs.records import read_json
from ups_framework.suggest import did_you_mean

HERE = Path(__file__).parent
TEMPLATE, PAGE = HERE / "results_page.md", HERE.parent / "docs/results.md"
PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")

_HEAD = "<!-- made by `python benchmarks/results.py` from benchmarks/results_page.md: edit that -->\n\n"

Plain = Mapping[str, Any]  # JSON is any tree of plain values


class PageError(UpsError):
    """A placeholder that cannot be filled in."""


def page() -> str:
    """The page as it should be now."""
    paths = [*sorted((HERE / "results").glob("*.json")), HERE / "experiments.json", HERE / "query_sampling.json"]
    records = {path.stem: read_json(path) for path in paths}
    return filled(TEMPLATE.read_text(encoding="utf-8"), records, read_json(HERE / "effects.json"))


def filled(template: str, records: Mapping[str, Plain], effects: Plain) -> str:
    """The template with all placeholders filled in. PageError names the line of the first that cannot be."""
    figures: dict[str, Plain] = {name: _figures(record) for name, record in records.items()}
    figures |= {"effects": {"count": len(effects), **{name: _effect(found) for name, found in effects.items()}}}
    figures |= {"published": {table.name: _published(table) for table in TABLES}}
    lines = []
    for number, line in enumerate(template.splitlines(), start=1):
        try:
            lines.append(PLACEHOLDER.sub(lambda match: _text(match[1], figures, records), line))
        except PageError as error:
            raise PageError(f"{TEMPLATE.name}:{number}: {error}") from error
    return _HEAD + "\n".join(lines) + "\n"


def _text(placeholder: str, figures: Mapping[str, Plain], records: Mapping[str, Plain]) -> str:
    """What stands in its place."""
    words = placeholder.split()
    if words[:1] == ["table"]:
        return _table(" ".join(words[1:]), records)
    path, _, form = placeholder.partition(":")
    return _formatted(_found(path, figures), form, path)


def _table(name: str, records: Mapping[str, Plain]) -> str:
    titles = [table.name for table in TABLES]
    if name not in titles:
        raise PageError(f"no table {name!r}{did_you_mean(name, titles)}")
    made = [table_text(records[each]).rstrip("\n") for each in (name, f"{name}{ON_GPU}") if each in records]
    return "\n\n".join(made) or f"Not run yet: `python benchmarks/tables.py {name}`."


def _found(path: str, figures: Mapping[str, Plain]) -> float | str:
    """The value at a path of keys; of a figure over seeds the mean."""
    value: Any = figures  # walks down a tree of plain values
    for depth, step in enumerate(keys := path.split(".")):
        if not isinstance(value, Mapping) or step not in value:
            known = list(value) if isinstance(value, Mapping) else []
            inside = f" in {'.'.join(keys[:depth])!r}" if depth else ""
            raise PageError(f"no figure {path!r}: no {step!r}{inside}{did_you_mean(step, known)}")
        value = value[step]
    value = value.get("mean") if isinstance(value, Mapping) else value
    if not isinstance(value, int | float | str):
        raise PageError(f"no figure {path!r}: it is no number")
    return value


def _formatted(value: float | str, form: str, path: str) -> str:
    """The number with a minus sign, exponents without leading zeros, and a space before `%`."""
    if isinstance(value, str):
        return value
    if form == "min":
        return "{} min {} s".format(*divmod(round(value), 60))
    form, _, power = form.partition("@")
    try:
        text = format(value / 10 ** int(power) if power else value, form)
    except ValueError as error:
        raise PageError(f"{path!r} cannot be written as {form!r} ({error})") from error
    text = re.sub(r"e([+-])0*(\d+)", lambda match: f"e{match[1].strip('+')}{match[2]}", text)
    text = re.sub(r"^-", "−", text).replace("%", " %")
    return f"{text}e{power}" if power else text


def _figures(record: Plain) -> Plain:
    """What placeholders find of a file."""
    if "entries" not in record:
        return record
    entries = {entry: found["figures"] for entry, found in record["entries"].items()}
    return {**record, **record["references"], **entries}


def _published(table: Table) -> Plain:
    """What a table quotes."""
    return {each.name: {figure_key(name): value for name, value in each.figures.items()} for each in table.anchors}


def _effect(found: Plain) -> Plain:
    """Each figure of an experiment, plain and changed."""
    if "variants" not in found:
        return {}
    plain, changed = (variant["figures"] for variant in found["variants"])
    ratio = found["step_time"]["ratio"]
    times = {"step_time": {"ratio": ratio, "change": ratio - 1, "less": 1 - ratio}}
    return {**{figure_key(name): _beside(plain[name], changed[name]) for name in plain}, **times}


def _beside(plain: Plain, changed: Plain) -> Plain:
    one, other = plain["mean"], changed["mean"]
    change = (other - one) / one if one and other is not None else None
    less = None if change is None else -change
    spread = {"plain_sd": plain["sd"], "changed_sd": changed["sd"]}
    return {"plain": one, "changed": other, "change": change, "less": less, **spread}


def main() -> int:
    """Write the page."""
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except UpsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
