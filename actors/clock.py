"""The one place that reads a clock, and the thread that tells everybody the time."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from actors.actor import Mailbox
from actors.messages import Tick
from domain.units import MILLISECOND, SECOND, Nanos

TICK_EVERY = Nanos(250 * MILLISECOND)
"""How often a live system hears the time."""


def wall_clock() -> Nanos:
    """Now, UTC."""
    return Nanos(time.time_ns())


class Clock:
    """Tells the time to all mailboxes, four times a second, until it is stopped."""

    def __init__(self, everyone: Sequence[Mailbox[Any]]) -> None:
        self._everyone = everyone
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """Stop ticking."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stopped.wait(TICK_EVERY / SECOND):
            now = Tick(wall_clock())
            for mailbox in self._everyone:
                mailbox.tell(now)
