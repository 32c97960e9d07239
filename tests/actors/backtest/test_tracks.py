"""The closes of a whole period are those that a forecaster would have come to see."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from actors.backtest.tracks import Track, read_minutes, track
from actors.feed.archive import read_candles
from domain.candles import BRIDGE_MAX, aggregate, bridged, unbroken
from domain.horizons import CONTEXT, TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.units import MINUTE, Nanos
from tests.actors.backtest.market import BEGIN, HISTORY_MINUTES, walk, written

FIRST = Nanos(BEGIN - HISTORY_MINUTES * MINUTE)
HOLES = ((5000, 1), (9001, 16), (20_000, 61), (31_007, BRIDGE_MAX), (44_444, 1000))
"""Where minutes are missing, and how many."""


@pytest.fixture(scope="module")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "MADE-1m.parquet"
    keep = np.ones(HISTORY_MINUTES, bool)
    for first, count in HOLES:
        keep[first : first + count] = False
    return written(path, walk(0), keep)


@pytest.fixture(scope="module")
def minutes(holed: Path) -> list[Candle]:
    return read_candles(holed, FIRST, BEGIN)


def seen(minutes: list[Candle], timeframe: Timeframe) -> list[Candle]:
    """What the candle store holds of them, as a forecaster reads it."""
    whole = bridged(aggregate(minutes, timeframe))
    return whole[-unbroken(whole) :]


def last(one: Track, at: Nanos) -> int:
    """The newest candle that is known at a moment."""
    return int(np.flatnonzero(one.real & (one.ends <= at))[-1])


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_track_is_what_a_forecaster_reads_at_any_moment(
    holed: Path, minutes: list[Candle], timeframe: Timeframe
) -> None:
    rng = np.random.default_rng(5)
    around = [first + count + ahead for first, count in HOLES for ahead in (0, 70)]

    one = track(timeframe, read_minutes(holed, FIRST, BEGIN))

    for place in [*around, *rng.integers(4000, HISTORY_MINUTES, 1).tolist()]:
        now = Nanos(FIRST + place * MINUTE)
        known = seen([candle for candle in minutes if candle.close_time <= now], timeframe)
        at = last(one, now)
        count = min(len(known), CONTEXT)
        assert one.points[at] == len(known)
        assert one.ends[at] == known[-1].close_time
        tail = [float(candle.close) for candle in known[-count:]]
        assert one.closes[at - count + 1 : at + 1].tolist() == tail


def test_minutes_are_the_archive_s(holed: Path, minutes: list[Candle]) -> None:
    read = read_minutes(holed, FIRST, BEGIN)

    assert read.opened.tolist() == [candle.open_time for candle in minutes]
    for name in ("open", "high", "low", "close"):
        prices = [Decimal(repr(price)) for price in getattr(read, name).tolist()]
        assert prices == [getattr(candle, name) for candle in minutes]
