"""The few shapes of HTML that a report is made of. Every text is escaped here, and nothing is loaded from elsewhere."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape, unescape
from pathlib import Path

_STYLE = Path(__file__).with_name("page.css")

_LONGEST_LINE = 12
"""Characters of a column's name that is not broken into lines."""

_LONGEST_NUMBER = 24
"""Characters of a cell that is not wrapped, such as a mean ± its standard deviation."""


def page(title: str, body: Iterable[str]) -> str:
    """A whole document."""
    style = _STYLE.read_text(encoding="utf-8")
    content = "\n".join(body)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )


def header(title: str, subtitle: str, facts: Mapping[str, str]) -> str:
    """The head of the page: a name and a row of facts."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    names = f'<p class="kicker">{escape(subtitle)}</p><h1>{escape(title)}</h1>'
    return f'<header>{names}<dl class="facts">{items}</dl></header>'


def section(identifier: str, title: str, parts: Iterable[str]) -> str:
    """A part of the page with a heading."""
    return f'<section id="{escape(identifier)}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def heading(title: str) -> str:
    """A smaller heading inside a section."""
    return f"<h3>{escape(title)}</h3>"


def paragraph(text: str) -> str:
    """Plain text."""
    return f"<p>{escape(text)}</p>"


def links(text: str, targets: Mapping[str, str]) -> str:
    """Plain text, then links to other files by what they are called."""
    items = ", ".join(f'<a href="{escape(target)}">{escape(name)}</a>' for name, target in targets.items())
    return f"<p>{escape(text)}{items}</p>"


def missing(text: str) -> str:
    """Says that something is not there, and why."""
    return f'<p class="missing">{escape(text)}</p>'


def figure(name: str, png: bytes, caption: str) -> str:
    """A picture, inside the page, with what it shows."""
    data = base64.b64encode(png).decode("ascii")
    image = f'<img alt="{escape(name)}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def pictures(page: str) -> dict[str, bytes]:
    """The pictures inside a page, by the names that `figure` gave them."""
    found = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)">', page)
    return {unescape(name): base64.b64decode(data) for name, data in found}


def table(columns: Sequence[str], rows: Mapping[str, Sequence[str]], *, strong: str = "") -> str:
    """A table of texts: the first column names the row, the row called `strong` stands out. Long texts are wrapped."""
    kinds = [_kind([cells[index] for cells in rows.values()]) for index in range(len(columns) - 1)]
    named = zip(columns, ["", *kinds], strict=True)
    head = "".join(column_head(column, kind) for column, kind in named)
    lines = []
    for name, cells in rows.items():
        stands_out = ' class="strong"' if name == strong else ""
        content = "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(cells, kinds, strict=True))
        lines.append(f'<tr{stands_out}><th scope="row">{escape(name)}</th>{content}</tr>')
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def column_head(name: str, kind: str = "") -> str:
    """The head of a column; short names stay on one line."""
    shown = escape(name) if len(name) > _LONGEST_LINE else escape(name).replace(" ", "&nbsp;")
    return f'<th scope="col"{kind}>{shown}</th>'


def _kind(cells: Sequence[str]) -> str:
    """The class of a column: numbers stand on the right, long texts on the left."""
    return ' class="text"' if max(map(len, cells), default=0) > _LONGEST_NUMBER else ""


def definitions(values: Mapping[str, str]) -> str:
    """Names and values, one a line."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in values.items())
    return f'<dl class="values">{items}</dl>'


def folded(summary: str, text: str) -> str:
    """A long text that opens on a click."""
    return f"<details><summary>{escape(summary)}</summary><pre>{escape(text)}</pre></details>"
