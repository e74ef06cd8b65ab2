"""Write the generated parts of the docs, between `<!-- generated: NAME -->` and `<!-- end -->`, and recipes' schema.

`make docs` runs it; `tests/test_docs.py` and `tests/recipe/test_schema.py` fail where a file differs from what is
generated here.
"""

import json
import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

import attrs
import click

from ups_framework.api import LatentSize
from ups_framework.cli import group
from ups_framework.plugins import load_plugins
from ups_framework.recipe.recipe import (
    Evaluation,
    Gate,
    Optimizer,
    Recipe,
    SimulatorSettings,
    Stage,
    Tracking,
    Training,
    WeightedTerm,
)
from ups_framework.recipe.schema import schema_text
from ups_framework.registry import KIND_CLASSES, KINDS, RECIPES_HOOK
from ups_framework.spec_docs import FieldDoc, docstring, field_docs

PAGES = Path(__file__).parent
ROOT = PAGES.parent
SCHEMA = ROOT / "recipes/recipe.schema.json"

_HELP_WIDTH = 100
"""Columns of the help pages, whatever the terminal has."""

_SECTION = re.compile(r"(?<=<!-- generated: )(?P<what>[^>\n]+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)

_BLOCKS: Mapping[str, type] = {
    "[latent]": LatentSize,
    "[simulator]": SimulatorSettings,
    "[losses.NAME]": WeightedTerm,
    "[stages.NAME]": Stage,
    "[optimizer]": Optimizer,
    "[training]": Training,
    "[evaluation]": Evaluation,
    "[gates.NAME]": Gate,
    "[tracking]": Tracking,
}
"""Tables of a recipe whose keys the framework itself defines."""


def updated(page: str) -> str:
    """A page's text with its generated parts made anew."""
    return _SECTION.sub(lambda found: f"{found['what']}{found[2]}\n{_generated(found['what'])}\n\n", page)


def _generated(what: str) -> str:
    """The text of a part, by its name and arguments."""
    name, *arguments = what.split()
    return _SOURCES[name](*arguments)


def schema() -> str:
    """The schema of recipes with the components of this repository alone, whatever else is installed."""
    ours = {"builtin", *(folder.name for folder in (ROOT / "plugins").iterdir())}
    registry = load_plugins()
    for plugin in registry.plugins:
        if plugin.name not in ours:
            registry.discard(plugin.name)
    return schema_text(registry)


def _blocks() -> str:
    """A table for the top level and one for each block."""
    plain = [doc for doc in field_docs(Recipe) if not _is_table(doc.annotation)]
    parts = ["### Top level\n\n" + _fields(plain)]
    for title, block in _BLOCKS.items():
        own = [doc for doc in field_docs(block) if not (block is WeightedTerm and doc.name == "loss")]
        parts.append(f"### `{title}`\n\n{_text(block)}\n\n{_fields(own)}")
    return "\n\n".join(parts)


def _is_table(annotation: Any) -> bool:
    """Whether a key of the recipe is a table: a component, a block, or named ones."""
    return annotation in KIND_CLASSES or attrs.has(annotation) or get_origin(annotation) is dict


def _text(block: type) -> str:
    """The docstring on one line, without the table's name that it may begin with."""
    text = " ".join(docstring(block).split())
    text = text.partition("]`: ")[2] or text
    return text[0].upper() + text[1:]


def _fields(docs: list[FieldDoc]) -> str:
    rows = [f"| `{doc.name}` | `{_cell(doc.type)}` | {_default(doc)} | {_cell(doc.text)} |" for doc in docs]
    return "\n".join(["| key | type | default | what it is |", "|---|---|---|---|", *rows])


def _default(doc: FieldDoc) -> str:
    """The default as a recipe writes it."""
    if doc.required:
        return "required"
    return "left out" if doc.default is None else f"`{json.dumps(doc.default)}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _components() -> str:
    """One row for each table that names a component."""
    texts = {doc.annotation: doc.text for doc in field_docs(Recipe)}
    rows = []
    for name, kind in KINDS.items():
        text = texts.get(kind.api) or texts.get(dict[str, kind.api]) or "Named loss terms."  # type: ignore[name-defined]  # a type made here
        rows.append(f"| `[{kind.table}]` | {name} | {_cell(text)} | `ups list {name}` |")
    return "\n".join(["| table | kind | what it is | shows what there is |", "|---|---|---|---|", *rows])


def _hooks() -> str:
    """One row for each hook, in the order in which a run builds its components; last the one for recipes."""
    rows = [
        f"| `{kind.hook}() -> dict[str, type[{kind.api.__name__}]]` | {name} | `[{kind.table}]` |"
        for name, kind in KINDS.items()
    ]
    rows.append(f"| `{RECIPES_HOOK}() -> dict[str, Path]` | recipe | `extends`, `ups run PLUGIN:NAME` |")
    return "\n".join(["| hook | kind | named by |", "|---|---|---|", *rows])


def _commands() -> str:
    """The help page of `ups` and of every command, in the order of `ups --help`."""
    return "\n\n".join(_help(group, "ups"))


def _help(command: click.Command, name: str, above: click.Context | None = None) -> Iterator[str]:
    """A command's page, then those of its own commands."""
    settings = {**command.context_settings, "terminal_width": _HELP_WIDTH}
    context = click.Context(command, info_name=name, parent=above, **settings)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None  # the group lists it
            yield from _help(found, below, context)


_SOURCES: Mapping[str, Callable[..., str]] = {
    **runpy.run_path(str(PAGES / "plugin_reference.py"))["SOURCES"],
    "blocks": _blocks,
    "commands": _commands,
    "components": _components,
    "hooks": _hooks,
}

if __name__ == "__main__":
    for path in sorted(PAGES.glob("*.md")):
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")
