"""How far the exchange's clock is from ours, estimated from questions about the time.

Its answer was read somewhere between our asking and our hearing; halfway is the best guess, and
half of the round trip is how wrong that can be. So the quickest of several answers says most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.units import SECOND, Nanos

OFFSET_MAX = Nanos(2 * SECOND)
"""The mission's limit, either way."""

SAMPLES = 5
"""Questions for one estimate."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One question about the time, by our clock, and the answer, by theirs."""

    sent: Nanos
    received: Nanos
    theirs: Nanos

    @property
    def round_trip(self) -> Nanos:
        """How long the answer took."""
        return Nanos(self.received - self.sent)


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """What their clock is ahead of ours, and how wrong that may be."""

    ahead: Nanos
    uncertainty: Nanos

    @property
    def tolerable(self) -> bool:
        """Whether the clocks agree well enough to trade by ours.

        >>> ClockOffset(Nanos(-2 * SECOND), Nanos(0)).tolerable
        True
        >>> ClockOffset(Nanos(2 * SECOND + 1), Nanos(0)).tolerable
        False
        """
        return abs(self.ahead) <= OFFSET_MAX

    def __str__(self) -> str:
        """For a person: `+0.012 s ± 0.003 s`."""
        return f"{self.ahead / SECOND:+.3f} s ± {self.uncertainty / SECOND:.3f} s"


def clock_offset(samples: Sequence[Sample]) -> ClockOffset:
    """The estimate of the sample with the shortest round trip.

    >>> str(clock_offset([Sample(Nanos(0), Nanos(4 * SECOND), Nanos(5 * SECOND))]))
    '+3.000 s ± 2.000 s'
    """
    best = min(samples, key=lambda sample: sample.round_trip)
    half = best.round_trip // 2
    return ClockOffset(Nanos(best.theirs - best.sent - half), Nanos(half))
