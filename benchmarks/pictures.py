"""The pictures of docs/experiments.md, taken in a real browser: Aim's explorers, a report over runs, a board.

    python benchmarks/experiments.py            # fifty short runs, shown in Aim
    python benchmarks/effects.py                # recipes with three seeds each, for the report and the board
    ups run recipes/burgers_phase4.toml         # field pictures of a training
    python benchmarks/pictures.py --report runs/effects/plain* ... --board runs/effects

Writes PNG files to docs/pictures/. Look at them.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import PIL.Image
from aim_pages import Pages, pages
from browser import Page, browser

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"

WIDTH = 1280
"""Pixels of the browser's window."""

_DISMISS = "[...document.querySelectorAll('button')].filter(b => b.innerText === 'Skip').forEach(b => b.click())"
"""Aim asks whether one wants to join its community."""

_SETTLE = 3.0
"""Seconds in which a page that shows everything draws the rest of it."""


def main() -> int:
    """Take all of them."""
    arguments = _parse()
    PICTURES.mkdir(exist_ok=True)
    with pages(arguments.fifty) as opened:
        _explorer(opened, "Losses by term", "aim_losses", height=860)
        _explorer(opened, "Runs, results and verdicts", "aim_runs", height=860)
    with pages(arguments.trained) as opened:
        _explorer(opened, "Field pictures by step", "aim_fields", height=860)
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder) / "profile") as tab:
        report, board = (Path(folder) / name for name in ("report.html", "board.html"))
        _ups("report", *map(str, arguments.report), "--out", str(report))
        _ups("board", str(arguments.board), "--html", str(board))
        _parts(tab, report, {"#results": "report_results", "#pictures": "report_fields"})
        _parts(tab, board, {"#board-1": "board"})
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fifty", type=Path, default=Path("runs/experiments/runs"), help="many runs in Aim")
    parser.add_argument("--trained", type=Path, default=Path("runs"), help="runs in Aim with pictures worth looking at")
    parser.add_argument("--report", type=Path, nargs="+", required=True, help="runs to report over")
    parser.add_argument("--board", type=Path, required=True, help="folder of runs to rank")
    return parser.parse_args()


def _explorer(opened: Pages, name: str, picture: str, *, height: int) -> None:
    opened.tab.resize(WIDTH, height)
    opened.open(name, count=1, word="")
    opened.tab.evaluate(_DISMISS)
    time.sleep(_SETTLE)
    _write(opened.tab, picture)


def _parts(tab: Page, page: Path, parts: dict[str, str]) -> None:
    """Parts of a page, by their CSS selectors."""
    tab.resize(WIDTH, 900)
    tab.open(page.resolve().as_uri())
    tab.wait("document.readyState === 'complete' && [...document.images].every(image => image.complete)")
    for part, picture in parts.items():
        _write(tab, picture, part)


def _write(tab: Page, name: str, part: str | None = None) -> None:
    path = PICTURES / f"{name}.png"
    tab.screenshot(path, part)
    picture = PIL.Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    few = picture.quantize(256, PIL.Image.Quantize.MAXCOVERAGE, kmeans=4, dither=PIL.Image.Dither.NONE)
    few.save(path, optimize=True)  # no colour is off by more than a tenth, and a third of the size
    print(f"{path.name}: {few.size[0]} × {few.size[1]} pixels, {path.stat().st_size / 1000:.0f} kB", flush=True)


def _ups(*arguments: str) -> None:
    subprocess.run([Path(sys.executable).with_name("ups"), *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
