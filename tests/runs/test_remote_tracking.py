"""Tracking to a server is the same; where the server is gone, the run says so once and goes on."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.runs.aim_store import needs_aim, points, stored
from ups_framework.recipe.recipe import Tracking
from ups_framework.runs import tracking
from ups_framework.runs.folder import RunFolder
from ups_framework.runs.recorder import Recorder
from ups_framework.runs.records import read_jsonl
from ups_framework.runs.tracking import tracked

PATIENCE = 240.0
"""Seconds to wait for another process on a busy machine."""

STORED = """
import sys
from ups_framework.runs.aim_run import import_aim, make_repository
make_repository(import_aim(), sys.argv[1])
"""


@attrs.frozen
class Server:
    """`aim server` about a folder."""

    store: Path
    address: str
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(tracking, "CLOSING_SECONDS", PATIENCE)
    store = tmp_path / "store"
    subprocess.run([sys.executable, "-c", STORED, str(store)], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).parent / "aim"
    options = ["--repo", str(store), "--host", "127.0.0.1", "--port", str(port), "-y"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([program, "server", *options], start_new_session=True, stdout=quiet, stderr=quiet)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.2)
    served = Server(store=store, address=f"aim://127.0.0.1:{port}", process=process)
    yield served
    if process.poll() is None:
        served.kill()


def run(runs: Path, name: str, address: str, said: list[str]) -> RunFolder:
    folder = RunFolder.create(runs, name)
    folder.recipe.write_text('[data]\nuse = "burgers:burgers"\n\n[stages.operator]\nsteps = 30\n')
    with tracked(Tracking(server=address), folder, said.append):
        for step in range(1, 4):
            Recorder(folder).metrics("operator", step, "train", {"loss": 1 / step}, {})
    return folder


@needs_aim
def test_a_server_shows_runs_and_one_that_is_gone_stops_none(server: Server, tmp_path: Path) -> None:
    said = list[str]()
    run(tmp_path / "runs", "first", server.address, said)
    expected = {step: 1 / step for step in range(1, 4)}
    assert points(stored(server.store)["first"], "loss", {"stage": "operator", "subset": "train"}) == expected
    assert said == []
    server.kill()
    second = run(tmp_path / "runs", "second", server.address, said)
    assert ["the run goes on" in line for line in said] == [True]
    assert len(read_jsonl(second.metrics)) == 3


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="aim://"):
        Tracking(server="127.0.0.1:53800")
