"""Write the generated parts of the docs, between `<!-- generated: NAME -->` and `<!-- end -->`: `make docs`.

`tests/test_docs.py` fails where a page differs from what is generated here.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ups_framework.api import LatentSize
from ups_framework.recipe.recipe import (
    Evaluation,
    Optimizer,
    Recipe,
    SimulatorSettings,
    Stage,
    Tracking,
    Training,
    WeightedTerm,
)
from ups_framework.registry import KINDS
from ups_framework.spec_docs import FieldDoc, docstring, field_docs

PAGES = Path(__file__).parent

_SECTION = re.compile(r"(?<=<!-- generated: )(?P<name>\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)

_BLOCKS: Mapping[str, type] = {
    "[latent]": LatentSize,
    "[simulator]": SimulatorSettings,
    "[losses.NAME]": WeightedTerm,
    "[stages.NAME]": Stage,
    "[optimizer]": Optimizer,
    "[training]": Training,
    "[evaluation]": Evaluation,
    "[tracking]": Tracking,
}
"""Tables of a recipe whose keys the framework itself defines."""


def updated(page: str) -> str:
    """A page's text with its generated parts made anew."""
    return _SECTION.sub(lambda found: f"{found['name']}{found[2]}\n{_SOURCES[found['name']]()}\n\n", page)


def _blocks() -> str:
    """A table for the top level and one for each block."""
    plain = [doc for doc in field_docs(Recipe) if doc.annotation in (str, int)]
    parts = ["### Top level\n\n" + _fields(plain)]
    for title, block in _BLOCKS.items():
        own = [doc for doc in field_docs(block) if not (block is WeightedTerm and doc.name == "loss")]
        parts.append(f"### `{title}`\n\n{_text(block)}\n\n{_fields(own)}")
    return "\n\n".join(parts)


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
    """One row for each hook, in the order in which a run builds its components."""
    rows = [
        f"| `{kind.hook}() -> dict[str, type[{kind.api.__name__}]]` | {name} | `[{kind.table}]` |"
        for name, kind in KINDS.items()
    ]
    return "\n".join(["| hook | kind | named by |", "|---|---|---|", *rows])


_SOURCES: Mapping[str, Callable[[], str]] = {"blocks": _blocks, "components": _components, "hooks": _hooks}

if __name__ == "__main__":
    for path in sorted(PAGES.glob("*.md")):
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
