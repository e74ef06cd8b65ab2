"""Aim's pages about a folder of runs: served to this machine alone, and stopped with all their processes."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ups_framework.errors import RunError
from ups_framework.runs.aim_run import import_aim, make_repository

HOST = "127.0.0.1"
"""Aim runs queries as Python code: nobody else may send any."""

READY_SECONDS = 120.0
"""How long Aim may take to answer."""

STOP_SECONDS = 10.0
"""How long it may take to stop when asked."""


@contextmanager
def serving(runs: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Aim's pages at `HOST:port` while the block runs, as the process that serves them.

    RunError if the port is taken, if Aim does not load, or if it ends before it answers.
    """
    _refuse_taken(port)
    try:
        make_repository(import_aim(), os.path.abspath(runs))
    except Exception as error:  # a foreign package under any version of its own dependencies: anything may be raised
        raise RunError(f"{runs}: Aim cannot open it ({type(error).__name__}: {error})") from error
    with tempfile.TemporaryFile() as said:
        process = _started(runs, port, said)
        try:
            _await(process, port, said)
            yield process
        finally:
            _stop(process)


def address(port: int) -> str:
    """Where the pages are."""
    return f"http://{HOST}:{port}"


def _started(runs: Path, port: int, said: IO[bytes]) -> "subprocess.Popen[bytes]":
    """`aim up`, which starts processes of its own, all in one session."""
    program = str(Path(sys.executable).parent / "aim")
    options = ["--repo", os.path.abspath(runs), "--host", HOST, "--port", str(port), "--yes"]
    try:
        return subprocess.Popen([program, "up", *options], stdout=said, stderr=said, start_new_session=True)
    except OSError as error:
        raise RunError(f"{program}: cannot be run ({error.strerror}); is Aim installed beside ups?") from error


def _await(process: "subprocess.Popen[bytes]", port: int, said: IO[bytes]) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"{address(port)}/api/projects/", timeout=5).close()
            return
        time.sleep(0.2)
    said.seek(0)
    last = said.read().decode(errors="replace").strip().splitlines()[-1:]
    raise RunError(f"Aim's pages did not come up: {(last or ['it said nothing'])[0]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the whole session: a server that `aim up` left behind would keep the port."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RunError(f"port {port} cannot be used ({error.strerror}); give another one with --port") from error
