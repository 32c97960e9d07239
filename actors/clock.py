"""The one place that reads a clock, and the thread that tells everybody the time."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from actors.actor import Mailbox
from actors.messages import Tick
from domain.units import MILLISECOND, SECOND, Nanos

TICK_EVERY = Nanos(250 * MILLISECOND)
"""How often a live system hears the time."""

SET_MIN = SECOND
"""A clock that is off by more was set; less is its drift against the one since boot."""

BELIEVED_AFTER = Nanos(30 * SECOND)
"""For so long a clock that was set has to stay so."""


def wall_clock() -> Nanos:
    """Now, UTC."""
    return Nanos(time.time_ns())


def time_since_boot() -> Nanos:
    """Of a clock that nobody can set, and that goes on while the machine sleeps where it can."""
    return Nanos(time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)))


class SteadyClock:
    """The time now, UTC, as by the machine's clock; but one that is set counts only if it stays so.

    A clock that is set wrongly for a moment must not make every book look old, or settle funding
    that is hours away. Any thread may ask.
    """

    def __init__(
        self,
        wall: Callable[[], Nanos] = wall_clock,
        steady: Callable[[], Nanos] = time_since_boot,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead = wall() - steady()
        self._doubted: int | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Nanos:
        """Now."""
        with self._lock:
            steady = self._steady()
            ahead = self._wall() - steady
            if abs(ahead - self._ahead) <= SET_MIN:
                self._doubted = None
            elif self._doubted is None:
                self._doubted = steady
            elif steady - self._doubted >= BELIEVED_AFTER:
                self._ahead, self._doubted = ahead, None
            return Nanos(steady + self._ahead)


class Clock:
    """Tells the time to all mailboxes, four times a second, until it is stopped."""

    def __init__(self, everyone: Sequence[Mailbox[Any]], now: Callable[[], Nanos]) -> None:
        self._everyone = everyone
        self._now = now
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
            now = Tick(self._now())
            for mailbox in self._everyone:
                mailbox.tell(now)
