"""Which windows of closes a run will ask its model for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from actors.backtest.tracks import Minutes, Track, read_minutes, track
from actors.feed.archive import Paths, span
from domain.candles import BRIDGE_MAX
from domain.horizons import CONTEXT, INGESTION, TIMEFRAMES, Timeframe
from domain.units import DAY, HOUR, Floats, Ints, Nanos

SHORT = Timeframe.M5
"""Windows of timeframes up to here are kept a day a file, those of longer ones a week."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Windows of one timeframe, oldest first.

    Attributes:
        timeframe: of the candles.
        closes: of the timeframe [quote per base], from the first window's first close on.
        starts: places of the windows' first closes in there, shape (n,).
    """

    timeframe: Timeframe
    closes: Floats
    starts: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def rows(self, first: int, last: int) -> Floats:
        """The windows from number `first` to before `last`, shape (n, 200)."""
        return np.asarray(self.closes[self.starts[first:last, None] + np.arange(CONTEXT)])


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A part, and where on its track its windows end."""

    part: Part
    places: Ints


def slot_span(timeframe: Timeframe) -> Nanos:
    """Market time of one file of the cache: runs over other periods share those within both."""
    return Nanos(DAY if timeframe.minutes <= SHORT.minutes else 7 * DAY)


def reach(begin: Nanos, timeframe: Timeframe) -> Nanos:
    """From where on a run that begins then needs windows of a timeframe: its rehearsal's too."""
    length = slot_span(timeframe)
    return Nanos((begin - (INGESTION - CONTEXT) * timeframe.span) // length * length)


def tracks(paths: Paths, begin: Nanos, end: Nanos) -> tuple[Minutes, tuple[Track, ...]]:
    """The closes of all timeframes that a run from `begin` to `end` needs, whole slots of them.

    Raises:
        SettingsInvalid: an archive cannot be read.
    """
    longest = TIMEFRAMES[-1]
    first, last = span(paths)
    behind = (CONTEXT + BRIDGE_MAX + 1) * longest.span
    begins = max(Nanos(first // HOUR * HOUR), Nanos(reach(begin, longest) - behind))
    length = slot_span(longest)
    ends = min(Nanos(last + DAY), Nanos((end // length + 1) * length))
    minutes = read_minutes(paths, begins, ends)
    return minutes, tuple(track(timeframe, minutes) for timeframe in TIMEFRAMES)


def slots(one: Track, begin: Nanos, end: Nanos) -> Iterator[Slot]:
    """The windows of a timeframe for a run from `begin` to `end`, and what shares a file with them.

    A window ends with a candle that was traded, not with one that bridges a hole.
    """
    length = slot_span(one.timeframe)
    first = reach(begin, one.timeframe)
    asked = one.real & (one.points >= CONTEXT) & (one.ends > first)
    asked &= one.ends <= (end // length + 1) * length
    places = np.flatnonzero(asked)
    for number in np.unique((one.ends[places] - 1) // length):
        some = places[(one.ends[places] - 1) // length == number]
        start = some[0] - CONTEXT + 1
        part = Part(one.timeframe, one.closes[start : some[-1] + 1], some - CONTEXT + 1 - start)
        yield Slot(part, some)


def parts(found: Sequence[Track], begin: Nanos, end: Nanos) -> Iterator[Part]:
    """The windows of all timeframes."""
    for one in found:
        yield from (slot.part for slot in slots(one, begin, end))
