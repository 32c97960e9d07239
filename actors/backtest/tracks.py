"""The closes of each timeframe as a forecaster comes to see them, for a whole period at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from actors.feed.archive import Paths
from actors.feed.rows import Rows, read_rows
from domain.candles import BRIDGE_MAX, bridged
from domain.horizons import Timeframe
from domain.market import Candle
from domain.modelled import Flags
from domain.units import DAY, MINUTE, Floats, Ints, Nanos, Price, Quantity

READ = Nanos(56 * DAY)
"""Candles are read so many at a time: only these figures of them stay."""


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """One-minute candles of a period, oldest first, holes allowed, shape (n,) each.

    Attributes:
        opened: open times [ns].
        open: first price [quote per base]; `high`, `low`, `close` likewise.
    """

    opened: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats


def read_minutes(paths: Paths, first: Nanos, last: Nanos) -> Minutes:
    """The candles of an archive with open times from first to before last.

    Raises:
        SettingsInvalid: an archive cannot be read.
    """
    parts = list(stretches(paths, first, last))
    if not parts:
        return Minutes(np.zeros(0, np.int64), *np.zeros((4, 0)))
    prices = np.concatenate([part.prices for part in parts], axis=1)
    return Minutes(np.concatenate([part.opened for part in parts]), *prices)


def stretches(paths: Paths, first: Nanos, last: Nanos) -> Iterator[Rows]:
    """The same candles, some weeks at a time."""
    for begin in range(first, last, READ):
        yield read_rows(paths, Nanos(begin), Nanos(min(begin + READ, last) - MINUTE))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One timeframe's closes, short holes of the exchange bridged; oldest first, shape (n,) each.

    Attributes:
        timeframe: of the candles.
        ends: when each candle was complete [ns].
        closes: its close [quote per base].
        real: false where it was put into a hole. Of such a one nobody knows before the candle
            after the hole has closed.
        points: how many stand without a hole up to and including each.
    """

    timeframe: Timeframe
    ends: Ints
    closes: Floats
    real: Flags
    points: Ints


def track(timeframe: Timeframe, minutes: Minutes) -> Track:
    """What one-minute candles make of a timeframe, as `aggregate` and `bridged` have it."""
    ends, opens, closes = _aggregated(timeframe, minutes)
    steps = np.diff(ends) // timeframe.span
    short = np.flatnonzero((steps > 1) & (steps <= BRIDGE_MAX + 1)).tolist()
    put_in = [x for n in short for x in _bridge(timeframe, ends, opens, closes, n)]
    every = np.concatenate((ends, np.array([x.close_time for x in put_in], np.int64)))
    prices = np.concatenate((closes, np.array([float(x.close) for x in put_in])))
    order = np.argsort(every, kind="stable")
    real, every = order < len(ends), every[order]
    return Track(timeframe, every, prices[order], real, _unbroken(every, timeframe.span))


def _aggregated(timeframe: Timeframe, minutes: Minutes) -> tuple[Ints, Floats, Floats]:
    """End, open and close of each candle whose every minute is there."""
    if timeframe is Timeframe.M1:
        return minutes.opened + MINUTE, minutes.open, minutes.close
    groups = minutes.opened // timeframe.span
    first = np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1))
    whole = np.diff(np.append(first, len(groups))) == timeframe.minutes
    first = first[whole]
    last = first + timeframe.minutes - 1
    ends = (groups[first] + 1) * timeframe.span
    return ends, minutes.open[first], minutes.close[last]


def _bridge(
    timeframe: Timeframe, ends: Ints, opens: Floats, closes: Floats, place: int
) -> list[Candle]:
    """The candles put in behind this place."""
    before, after = (
        _candle(timeframe, int(ends[n]), float(opens[n]), float(closes[n]))
        for n in (place, place + 1)
    )
    return bridged([before, after])[1:-1]


def _candle(timeframe: Timeframe, end: int, opened: float, closed: float) -> Candle:
    """A candle as far as a bridge needs it; a float's shortest digits are the price that it was."""
    first, last = (Price(Decimal(repr(price))) for price in (opened, closed))
    high, low = max(first, last), min(first, last)
    open_time = Nanos(end - timeframe.span)
    return Candle(timeframe, open_time, first, high, low, last, Quantity(Decimal(0)))


def _unbroken(ends: Ints, span: int) -> Ints:
    places = np.arange(len(ends))
    begins = np.where(np.diff(ends, prepend=ends[:1] - span) == span, 0, places)
    return np.asarray(places - np.maximum.accumulate(begins) + 1)
