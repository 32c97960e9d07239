"""Which windows of closes a run will ask its model for, as far as that can be known before it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.feed.archive import HISTORY, Paths, read_candles, span
from actors.forecast.corpus import MINUTE_MS, Candles, Ints
from actors.forecast.rehearsal import EVERY
from actors.forecast.windows import windows
from domain.horizons import CONTEXT, INGESTION, TIMEFRAMES, Timeframe
from domain.units import DAY, HOUR, MILLISECOND, MINUTE, Floats, Nanos

PART = Nanos(30 * DAY)
"""Market time of one file of the cache: a run over another period shares those within both."""

READ = Nanos(7 * DAY)
"""Candles are read a week at a time: only their closes stay."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Windows of one timeframe, oldest first.

    Attributes:
        timeframe: of the candles.
        closes: of one minute [quote per base], from the first window's first close on.
        starts: places of the windows' first closes in there, shape (n,).
    """

    timeframe: Timeframe
    closes: Floats
    starts: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def rows(self, first: int, last: int) -> Floats:
        """The windows from number `first` to before `last`, shape (n, 200)."""
        places = self.starts[first:last, None] + np.arange(CONTEXT) * self.timeframe.minutes
        return np.asarray(self.closes[places])


def minutes(paths: Paths, begin: Nanos, end: Nanos) -> Candles:
    """The closes that a run from `begin` to `end` can see, its history included.

    Raises:
        SettingsInvalid: an archive cannot be read.
    """
    first = max(Nanos(begin // HOUR * HOUR - HISTORY), span(paths)[0])
    opened: list[int] = []
    closes: list[float] = []
    for week in range(first, end, READ):
        last = Nanos(min(week + READ, end) - MINUTE)
        for candle in read_candles(paths, Nanos(week), last):
            opened.append(candle.open_time // MILLISECOND)
            closes.append(float(candle.close))
    return Candles("minutes", 1, np.array(opened, np.int64), np.array(closes, np.float64))


def parts(candles: Candles, begin: Nanos, end: Nanos) -> Iterator[Part]:
    """The windows of a run from `begin` to `end`, timeframe by timeframe.

    A window over a hole of the archive is not among them: what the feed makes of a hole is its own
    business, and the model can be asked then.
    """
    for timeframe in TIMEFRAMES:
        every = timeframe.minutes
        cut = windows(candles, every, CONTEXT)
        starts = cut.starts(cut.aligned())
        closed = candles.opened[starts + (CONTEXT - 1) * every] + MINUTE_MS
        wanted = _wanted(closed * MILLISECOND, timeframe, begin) & (closed * MILLISECOND <= end)
        starts, places = starts[wanted], closed[wanted] * MILLISECOND // PART
        for place in np.unique(places):
            some = starts[places == place]
            last = some[-1] + (CONTEXT - 1) * every + 1
            yield Part(timeframe, candles.closes[some[0] : last], some - some[0])


def _wanted(closed: Ints, timeframe: Timeframe, begin: Nanos) -> NDArray[np.bool_]:
    """Windows forecast in the run, and those of the rehearsal on the history before it.

    Args:
        closed: when each window's last candle closed [ns].
        timeframe: of the candles.
        begin: of the run.
    """
    before = (begin // timeframe.span * timeframe.span - closed) // timeframe.span
    rehearsed = (before % EVERY == (INGESTION - CONTEXT) % EVERY) & (before <= INGESTION - CONTEXT)
    return np.asarray((before <= 0) | rehearsed)
