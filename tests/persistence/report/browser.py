"""A real browser without a window: Chromium over its DevTools protocol."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--disable-extensions", "--remote-debugging-port=0"),
    # Whatever is asked of a network meets a closed door.
    *("--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND"),
)


def program() -> str | None:
    """Where a Chromium is, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """One page of the browser, and everything that it said."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket
        self._number = 0
        self.heard: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while (answer := json.loads(self._socket.recv())).get("id") != self._number:
            self.heard.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def show(self, path: Path, width: int, height: int, *, dark: bool = False) -> None:
        """Open a file at this size and wait until it stands."""
        shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **shape)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.heard.clear()
        self.ask("Page.navigate", url=path.as_uri())
        while not self.events("Page.loadEventFired"):
            self.heard.append(json.loads(self._socket.recv()))

    def events(self, method: str) -> list[dict[str, Any]]:
        """What was heard under this name since the page was opened."""
        return [event["params"] for event in self.heard if event.get("method") == method]

    def value(self, expression: str) -> Any:
        """What an expression is worth in the page."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"]["value"]

    def picture(self) -> bytes:
        """The whole page as PNG."""
        told = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(told["data"])


@contextmanager
def browser(chromium: str, profile: Path) -> Iterator[Tab]:
    """A browser with one empty tab; both end with the block."""
    command = [chromium, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = (line for line in process.stderr if line.startswith("DevTools listening on "))
            address = next(told).split()[-1].split("/")[2]
            with closing(_connected(address)) as socket:
                yield Tab(socket)
        finally:
            process.kill()


def _connected(address: str) -> websocket.WebSocket:
    """The line to the browser's first tab."""
    with urlopen(f"http://{address}/json/list", timeout=20) as answer:
        tabs = json.load(answer)
    url = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
    return websocket.create_connection(url, timeout=30, suppress_origin=True)
