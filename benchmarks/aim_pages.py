"""Aim's pages about a folder of runs in a browser, and when each shows what it is for."""

import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # Aim brings it
from attrs import frozen
from browser import Page, browser

from ups_framework.runs.aim_ui import address, serving
from ups_framework.runs.explorers import prepare_explorers

_LINES = "document.querySelectorAll('svg path.Line').length >= {count}"
_PICTURES = (
    "[...document.images].filter(image => image.src.startsWith('data:image') && image.naturalWidth > 300).length >= 2"
)
_SAYS = "document.body.innerText.includes({word!r})"

OPEN_BEFORE = 2.0
"""Seconds for which the browser is open before, as people's is: one that starts at that moment shows Aim's first page
five seconds later, and other pages at once."""

SHOWS: Mapping[str, tuple[str, ...]] = {
    "Losses by term": (_LINES, _SAYS),
    "Validation errors": (_LINES, _SAYS),
    "Speed, gradients and latents": (_LINES, _SAYS),
    "Field pictures by step": (_PICTURES,),
    "Results in pictures": (_PICTURES,),
    "Runs, results and verdicts": (_LINES, _SAYS),
}
"""By explorer: what is true once its series, pictures or rows are on the screen."""


@frozen(kw_only=True)
class Pages:
    """A tab, and where each explorer opens."""

    tab: Page
    places: Mapping[str, str]
    home: str

    def open(self, name: str, *, count: int, word: str) -> tuple[float, float]:
        """Open an explorer until it shows `count` lines and says `word`, or shows two pictures.

        Seconds by the clock, and of processors, in the browser and in Aim together.
        """
        self.tab.open("about:blank")
        self.tab.wait("document.URL === 'about:blank'")
        before, started = _processor_seconds(), time.perf_counter()
        self.tab.open(self.places[name])
        for script in SHOWS[name]:
            self.tab.wait(script.format(count=count, word=word))
        seconds = time.perf_counter() - started
        return seconds, sum(taken - before.get(pid, 0.0) for pid, taken in _processor_seconds().items())


def _processor_seconds() -> dict[int, float]:
    """User and system time of each process that this one has started, by its id."""
    found = {}
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has ended
            found[child.pid] = child.cpu_times().user + child.cpu_times().system
    return found


@contextmanager
def pages(runs: Path) -> Iterator[Pages]:
    """The pages of the runs' Aim store while the block runs, in a browser with an empty cache."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as profile, serving(runs, port), browser(Path(profile)) as tab:
        time.sleep(OPEN_BEFORE)
        yield Pages(tab=tab, places=prepare_explorers(address(port)), home=address(port))
