"""The real program on the demo market, listened to while it runs, and killed at will."""

import json
import signal
from collections import Counter
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic

from tests.fills import Fill, told
from tests.program import Event, started

SOON = 90.0
"""How long we wait for what must come [s]."""


class Trader:
    """A started program, and all that it has said."""

    def __init__(self, home: Path, model: Path, module: str = "actors") -> None:
        self.begun = monotonic()
        self.ready: float | None = None
        self.said: list[Event] = []
        self._lines: Queue[str] = Queue()
        self.process = started(
            *(
                "--demo",
                "--headless",
                "--speed",
                "120",
                "--eager",
                "--model",
                model,
                "--home",
                home,
            ),
            module=module,
        )
        Thread(target=self._listen, daemon=True).start()

    def hear(self, name: str, words: str = "") -> Event:
        """The next event of this name that has these words."""
        while True:
            event = self._next(SOON)
            assert event is not None, f"no {name} within {SOON} s"
            if event["event"] == name and words in json.dumps(event):
                return event

    def live(self, seconds: float) -> None:
        """Let it work for so long after its first word."""
        self.hear("starting")
        due = monotonic() + seconds
        while (left := due - monotonic()) > 0:
            self._next(left)

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.kill()
        self._end()

    def interrupt(self) -> int:
        """Ctrl+C; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        self._end()
        return self.process.returncode

    @property
    def fills(self) -> Counter[Fill]:
        """The fills that it has told of."""
        return told(self.said)

    def _end(self) -> None:
        assert self.process.wait(SOON) is not None
        while self._next(SOON) is not None:
            pass
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _next(self, seconds: float) -> Event | None:
        """The next event; None where none comes in time, or none at all any more."""
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            return None
        if not line.endswith("\n"):
            return None  # torn by the kill, or the end
        event: Event = json.loads(line)
        self.said.append(event)
        if event["event"] == "ready":
            self.ready = monotonic() - self.begun
        return event

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")
