"""The trader's side of its guardian: a pipe that says it lives, and what the last life left."""

import os
from contextlib import suppress

from actors.guardian import HEARTBEAT, RECOVERED, UNTIL
from domain.units import Nanos

NATIVE = frozenset(("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"))
"""What a process dies of that broke in a library, or in a file that one had mapped."""


def crashed() -> bool:
    """Whether the last life of this program broke in a library."""
    return recovered() in NATIVE


def recovered() -> str:
    """What the last life of this program died of; '' where it ended well. For before a Pulse."""
    return os.environ.get(RECOVERED, "")


def guardian() -> int | None:
    """The process that guards us; None where there is none. For before there is a Pulse."""
    return os.getppid() if HEARTBEAT in os.environ else None


class Pulse:
    """Says each second that the trader lives; without a guardian it says nothing to nobody.

    Attributes:
        until: market time at which the program ends; 0 where it has no end.
        alone: there was a guardian, and it is gone.
        recovered: what the last life of this program died of; '' where it ended well.
    """

    def __init__(self) -> None:
        self.until = Nanos(int(os.environ.pop(UNTIL, "0")))
        self.recovered = os.environ.pop(RECOVERED, "")
        self.alone = False
        number = os.environ.pop(HEARTBEAT, "")
        self._descriptor = int(number) if number else None
        if self._descriptor is not None:
            os.set_inheritable(self._descriptor, False)  # noqa: FBT003
            os.set_blocking(self._descriptor, False)

    def ends(self, wanted: Nanos) -> Nanos:
        """When the program ends: as it wants to, or as the last life wanted before it crashed."""
        self.until = self.until or wanted
        return self.until

    def beat(self) -> None:
        """Say it."""
        if self._descriptor is None:
            return
        try:
            with suppress(BlockingIOError):
                os.write(self._descriptor, b"%d\n" % self.until)
        except OSError:
            self._descriptor, self.alone = None, True
