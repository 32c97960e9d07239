"""What this process takes of the machine, as far as the machine says."""

import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time

from actors.dashboard.desk import Usage

LOOK_SECONDS = 2.0
"""How often we look: often enough for eyes, seldom enough to cost nothing."""

PAGE = resource.getpagesize()
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""What `ru_maxrss` counts in [bytes]."""


class Meter:
    """Measures the process every LOOK_SECONDS; shares are taken since the last look."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._looked: tuple[float, float, int | None] | None = None
        self._usage = Usage()

    def usage(self) -> Usage:
        """The newest measure."""
        now = self._seconds()
        if self._looked is None or now - self._looked[0] >= LOOK_SECONDS:
            self._look(now)
        return self._usage

    def _look(self, now: float) -> None:
        taken, received = process_time(), _received()
        processor = rate = None
        if self._looked is not None:
            before, taken_before, received_before = self._looked
            processor = (taken - taken_before) / (now - before)
            if received is not None and received_before is not None:
                rate = (received - received_before) / (now - before)
        self._looked = (now, taken, received)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT
        self._usage = Usage(resident(), peak, processor, threading.active_count(), rate)


def resident(process: int | str = "self") -> int | None:
    """Memory that a process holds [bytes]; None where the system does not say."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * PAGE
    except (OSError, ValueError, IndexError):
        return None


def _received() -> int | None:
    """Bytes that all interfaces but the loopback have received."""
    try:
        lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]
        fields = [line.partition(":") for line in lines]
        return sum(int(rest.split()[0]) for name, _, rest in fields if name.strip() != "lo")
    except (OSError, ValueError, IndexError):
        return None
