"""Candles as figures, for who looks at many and needs few of them as they are."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from actors.feed.archive import Paths, read_candles, read_columns
from domain.horizons import Timeframe
from domain.instrument import BTCUSDT
from domain.market import Candle
from domain.units import MILLISECOND, MINUTE, Floats, Ints, Nanos, Price, Quantity

_STEP = MINUTE // MILLISECOND
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One-minute candles as figures, oldest first; one of them is a candle when asked for.

    Attributes:
        opened: open times [ns], shape (n,).
        prices: open, high, low and close [quote per base], shape (4, n).
        candle: makes the candle at a place.
    """

    opened: Ints
    prices: Floats
    candle: Callable[[int], Candle]


def read_rows(path: Paths, first: Nanos, last: Nanos) -> Rows:
    """As `read_candles`; raises the same.

    Of a parquet file that stands alone no candle is made that nobody asks for; where it holds
    anything that must be told, `read_candles` tells it.
    """
    columns = read_columns(path, first, last)
    rows = None if columns is None else _rows(*columns)
    if rows is not None:
        return rows
    candles = read_candles(path, first, last)
    opened = np.array([candle.open_time for candle in candles], np.int64)
    prices = np.array([(x.open, x.high, x.low, x.close) for x in candles], np.float64)
    return Rows(opened, prices.reshape(-1, 4).T.copy(), candles.__getitem__)


def _rows(times: Ints, table: pa.Table, scale: Decimal) -> Rows | None:
    """The rows of a parquet file; None where one of them is not as it should be."""
    columns: list[Any] = [table[name] for name in (*_PRICES, "volume")]
    whole = all(pa.types.is_integer(column.type) for column in columns[:4])
    if not whole or any(column.null_count for column in columns):
        return None
    prices = np.array([column.to_numpy() for column in columns[:4]], np.int64)
    volumes = columns[4].to_numpy().astype(np.float64)
    if not _plausible(times, prices, volumes):
        return None
    lots = np.rint(volumes / float(BTCUSDT.lot))

    def candle(place: int) -> Candle:
        first, high, low, last = (Price(int(n) * scale) for n in prices[:, place])
        opened, volume = int(times[place]) * MILLISECOND, int(lots[place]) * BTCUSDT.lot
        return Candle(Timeframe.M1, Nanos(opened), first, high, low, last, Quantity(volume))

    return Rows(times * MILLISECOND, prices / float(1 / scale), candle)


def _plausible(times: Ints, prices: Ints, volumes: Floats) -> bool:
    """Whether `read_candles` would find nothing wrong."""
    opened, high, low, closed = prices
    steps = np.diff(times)
    return bool(
        (times % _STEP == 0).all()
        and (steps > 0).all()
        and (not len(steps) or steps.min() == _STEP)
        and (prices > 0).all()
        and (high >= np.maximum(opened, closed)).all()
        and (low <= np.minimum(opened, closed)).all()
        and np.isfinite(volumes).all()
        and (volumes >= 0).all()
    )
