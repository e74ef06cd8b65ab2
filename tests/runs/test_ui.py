"""`ups ui` in a real browser: its pages show the series and the pictures of a run."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.browser import PATIENCE, PROGRAM, Page, browser
from tests.runs.aim_store import needs_aim
from ups_framework.runs.explorers import prepare_explorers
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.syncing import sync

needs_browser = pytest.mark.skipif(PROGRAM is None or find_spec("websockets") is None, reason="needs Chromium")
COMMAND = [sys.executable, "-c", "from ups_framework.cli import main; main()", "ui"]


class Ui:
    """`ups ui` as a process of its own, which has come up."""

    def __init__(self, runs: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = [str(runs), "--port", str(self.port)]
        self.process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.places: dict[str, str] = {}
        assert self.process.stdout is not None
        for line in self.process.stdout:
            name, _, place = line.strip().rpartition(" ")
            self.places |= {name.strip(): place} if place.startswith("http") else {}
            if len(self.places) == 6:
                break

    def stop(self) -> int:
        """Ctrl-C; its exit code."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/projects/", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            return False
        return True


@pytest.fixture(scope="module")
def ui(trained_runs: Path) -> Iterator[Ui]:
    """The pages about a run that was trained just now."""
    sync(trained_runs, print)
    served = Ui(trained_runs)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@needs_aim
@needs_browser
def test_the_pages_show_the_series_and_pictures_of_a_run(ui: Ui, page: Page) -> None:
    assert len(ui.places) == 6
    for name, words in {
        "Losses by term": ["prediction", "reconstruction", "weighted", "first"],
        "Validation errors": ["rollout.nrmse", "first"],
        "Runs, results and verdicts": ["results.nrmse.model.rollout", "results.cost.train_seconds", "first"],
    }.items():
        page.open(ui.places[name])
        for word in words:
            page.wait(f"document.body.innerText.includes({word!r})")
        page.wait("document.querySelectorAll('svg path, svg circle, svg line').length > 5")
    for name, captions in {
        "Field pictures by step": ["u: truth, prediction (rollout) and error"],
        "Results in pictures": ["coverage"],
    }.items():
        page.open(ui.places[name])
        for caption in captions:
            page.wait(f"document.body.innerText.includes({caption!r})")
        page.wait("[...document.images].some(image => image.src.startsWith('data:image') && image.naturalWidth > 300)")
    page.open(f"http://127.0.0.1:{ui.port}/bookmarks")
    page.wait("document.body.innerText.includes('Speed, gradients and latents')")


@needs_aim
def test_explorers_are_saved_once(ui: Ui) -> None:
    again = prepare_explorers(f"http://127.0.0.1:{ui.port}")
    assert list(again.values()) == list(ui.places.values())


@needs_aim
def test_the_pages_end_with_all_their_processes(tmp_path: Path) -> None:
    first = Ui(tmp_path)
    assert first.answers()
    assert first.stop() == 0
    end = time.monotonic() + PATIENCE
    while first.answers() and time.monotonic() < end:
        time.sleep(0.2)
    assert not first.answers()


@needs_aim
def test_a_taken_port_is_an_error_that_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        RunFolder.create(tmp_path, "first")
        options = [str(tmp_path), "--port", str(taken.getsockname()[1])]
        done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode != 0
    assert "give another one with --port" in done.stderr
    assert not os.path.exists(tmp_path / ".aim")
