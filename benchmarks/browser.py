"""A real browser without a window, driven through its DevTools protocol."""

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The browser of this machine, if it has one."""

PATIENCE = 240.0
"""Seconds to wait for a page on a busy machine."""

Json = Any  # any tree of plain values

_PLACE = """(() => {{
  const box = document.querySelector({part!r}).getBoundingClientRect();
  return {{ x: box.x + window.scrollX, y: box.y + window.scrollY, width: box.width, height: box.height }};
}})()"""


class Page:
    """One tab."""

    def __init__(self, socket: Any) -> None:  # websockets' connection
        self._socket, self._numbers = socket, itertools.count(1)

    def open(self, address: str) -> None:
        self._call("Page.navigate", url=address)

    def evaluate(self, script: str) -> Json:
        """What a line of JavaScript gives."""
        return self._call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def wait(self, script: str, wanted: Callable[[Json], bool] = bool) -> Json:
        """What a line of JavaScript gives, once it is `wanted`."""
        end = time.monotonic() + PATIENCE
        while not wanted(value := self.evaluate(script)):
            assert time.monotonic() < end, f"{script} is still {value!r}; the page says: {self.text()[:2000]}"
            time.sleep(0.1)
        return value

    def text(self) -> str:
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def resize(self, width: int, height: int) -> None:
        """Give the page so many pixels of a screen."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self, path: Path, part: str | None = None) -> None:
        """Write what the page shows as PNG, or the part of it with that CSS selector, also where one has to scroll."""
        clip = {} if part is None else {"clip": self.evaluate(_PLACE.format(part=part)) | {"scale": 1}}
        shot = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=part is not None, **clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def print(self, path: Path) -> None:
        """Write the page as PDF, on the paper that its style asks for."""
        pdf = self._call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
        path.write_bytes(base64.b64decode(pdf))

    def _call(self, method: str, **parameters: Json) -> Json:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv(timeout=PATIENCE))).get("id") != number:
            pass  # an event
        return answer["result"]


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A tab of a new browser, whose profile is in `folder`."""
    from websockets.sync.client import connect

    assert PROGRAM is not None
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1600,1000"]
    flags += ["--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows"]  # it is looked at
    flags += ["--hide-scrollbars"]  # they would come and go, and the layout with them
    command = [PROGRAM, *flags, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{_port(folder)}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            target = json.load(answer)["webSocketDebuggerUrl"]
        with connect(target, max_size=None, open_timeout=PATIENCE) as socket:
            yield Page(socket)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(folder: Path) -> int:
    file, end = folder / "DevToolsActivePort", time.monotonic() + PATIENCE
    while not (file.exists() and file.read_text().endswith("\n")) and time.monotonic() < end:
        if len(lines := file.read_text().splitlines() if file.exists() else []) == 2:
            return int(lines[0])
        time.sleep(0.2)
    return int(file.read_text().splitlines()[0])
