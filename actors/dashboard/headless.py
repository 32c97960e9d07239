"""No screen: the facts go to standard output, one JSON object a line."""

import os
import sys
from collections.abc import Callable
from select import select

from actors.actor import Mailbox
from actors.dashboard.view import View
from actors.messages import StopRequested, SupervisorInbox

BATCH = 1 << 15
"""Bytes that are written at the latest, without waiting for the next tick."""


class Headless:
    """Writes past Python's buffers, so that nothing is left to fail when the program ends."""

    def __init__(self, supervisor: Mailbox[SupervisorInbox], descriptor: int | None = None) -> None:
        self._supervisor = supervisor
        self._descriptor = descriptor
        self._waiting = bytearray()
        self._closed = False

    def open(self) -> None:
        """Find out where standard output is."""
        if self._descriptor is not None:
            return
        if sys.stdout is None:
            self._give_up()
        else:
            sys.stdout.flush()
            self._descriptor = sys.stdout.fileno()

    def fact(self, line: bytes) -> None:
        """Write the line, soon."""
        if self._closed:
            return
        self._waiting += line
        self._waiting += b"\n"
        if len(self._waiting) >= BATCH:
            self._flush()

    def draw(self, _view: Callable[[], View]) -> None:
        """Write what waits."""
        self._flush()

    def close(self) -> None:
        """Write what waits."""
        self._flush()

    def _flush(self) -> None:
        """Write everything; what a full disk takes not is left out, `HOME/log` has it too."""
        try:
            while self._waiting and self._descriptor is not None:
                self._write(self._descriptor)
        except BrokenPipeError:
            self._give_up()
        except OSError:
            self._waiting.clear()

    def _write(self, descriptor: int) -> None:
        try:
            del self._waiting[: os.write(descriptor, self._waiting)]
        except BlockingIOError:
            # Whoever shares the pipe with us has set it non-blocking.
            select([], [descriptor], [])

    def _give_up(self) -> None:
        self._waiting.clear()
        if not self._closed:
            self._closed = True
            self._supervisor.tell(StopRequested("standard output is closed"))
