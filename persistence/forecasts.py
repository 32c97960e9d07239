"""The forecasts of the last month: what was said of each candle, to be held against what came."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import lmdb
import numpy as np
from numpy.typing import NDArray

from domain.candles import closes_at
from domain.errors import StoreCorrupt
from domain.horizons import LEVELS, STEPS, TIMEFRAMES, Timeframe
from domain.signals import Forecast
from domain.units import BASIS_POINTS, DAY, Floats, Nanos
from persistence.candles import CandleStore

KEY = struct.Struct(">QB")
"""When it was made [ns], timeframe (its place in TIMEFRAMES): the oldest stand first."""

HEAD = struct.Struct(">d8s")
"""The close it was made at, and the first digits of the model's SHA."""

SHAPE = (len(STEPS), len(LEVELS))

DISTANCE = np.dtype(">f2")
"""How far a quantile is from that close, in log price [basis points]; 3 digits of it are kept."""

FARTHEST = float(np.finfo(DISTANCE).max)
"""A quantile seven hundred times the close, or more, is kept as this [basis points]; no model that
knows markets says such a thing, and one that says it must not stop the record."""

RECORD = np.dtype([("base", ">f8"), ("model", "u1", 8), ("distance", DISTANCE, SHAPE)])
"""HEAD and what follows it, as a row of an array."""

ASCII_MAX = 127

KEPT = Nanos(30 * DAY)
"""How long a forecast stays."""


@dataclass(frozen=True, slots=True, eq=False)
class ForecastRecord:
    """What was said of one timeframe when one of its candles had closed.

    Attributes:
        timeframe: of the candles ahead.
        at: when it was made: the close time of the newest candle used [ns].
        base: close of that candle [quote per base].
        model: first 8 digits of the model's SHA-256; shorter where that is.
        quantiles: prices at STEPS and LEVELS as they were told, shape (5, 13), rising along the
            last axis; their distance from `base` is known to 1 part in 2,000.
    """

    timeframe: Timeframe
    at: Nanos
    base: float
    model: str
    quantiles: Floats

    @property
    def due(self) -> tuple[Nanos, ...]:
        """When the candle of each of STEPS closes [ns]."""
        return tuple(Nanos(self.at + step * self.timeframe.span) for step in STEPS)


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """All that was said of one timeframe in some time, oldest first.

    Attributes:
        timeframe: of the candles ahead.
        at: when each forecast was made [ns], shape (n,).
        base: close it was made at [quote per base], shape (n,).
        distance: how far its quantiles are from that [basis points of log price], shape (n, 5, 13),
            three digits.
    """

    timeframe: Timeframe
    at: NDArray[np.int64]
    base: Floats
    distance: NDArray[np.float16]

    def quantiles(self, rows: slice) -> Floats:
        """Prices at STEPS and LEVELS of some of the forecasts, shape (m, 5, 13)."""
        away = np.exp(self.distance[rows].astype(np.float64) / BASIS_POINTS)
        return np.asarray(self.base[rows, None, None] * away)


class ForecastStore:
    """Table of forecasts by time and timeframe; of those that a restart makes again the last one.

    A timeframe's forecast is kept when one of its own candles has closed, as calibration judges it:
    in between the model sees the same closes and says the same.
    """

    def __init__(self, environment: lmdb.Environment) -> None:
        self._environment = environment
        self._table = environment.open_db(b"forecasts")

    def put(self, forecast: Forecast, model_sha: str) -> None:
        """Write what is new in a forecast, and drop what is older than KEPT."""
        with self._environment.begin(self._table, write=True) as transaction:
            for place, timeframe in enumerate(TIMEFRAMES):
                if closes_at(timeframe, forecast.at):
                    record = _record(forecast, place, model_sha)
                    transaction.put(KEY.pack(forecast.at, place), record)
            _forget(transaction, Nanos(forecast.at - KEPT))

    def between(
        self, timeframe: Timeframe, first: Nanos, last: Nanos
    ) -> tuple[ForecastRecord, ...]:
        """The forecasts of a timeframe made from `first` to `last`, both included, oldest first.

        Raises:
            StoreCorrupt: a record is not one of ours.
        """
        return tuple(_decode(key, record) for key, record in self._kept(timeframe, first, last))

    def said(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> Said:
        """As `between`, in arrays: a month of a minute's forecasts is a tenth of the size.

        Raises:
            StoreCorrupt: a record is not one of ours.
        """
        keys, records = bytearray(), bytearray()
        for key, record in self._kept(timeframe, first, last):
            if not sound(key, record):
                raise StoreCorrupt(f"a forecast of {len(record)} bytes")
            keys += key[:-1]
            records += record
        rows = np.frombuffer(records, RECORD)
        if rows.size and rows["model"].max() > ASCII_MAX:
            raise StoreCorrupt(f"a forecast of {RECORD.itemsize} bytes")
        at = np.frombuffer(keys, ">u8").astype(np.int64)
        base = rows["base"].astype(np.float64)
        return Said(timeframe, at, base, rows["distance"].astype(np.float16))

    def _kept(
        self, timeframe: Timeframe, first: Nanos, last: Nanos
    ) -> Iterator[tuple[bytes, bytes]]:
        place, end = TIMEFRAMES.index(timeframe), KEY.pack(last, len(TIMEFRAMES))
        with self._environment.begin(self._table) as transaction:
            cursor = transaction.cursor()
            stands = cursor.set_range(KEY.pack(max(first, 0), 0))
            while stands and (key := cursor.key()) <= end:
                if key[-1] == place:
                    yield key, cursor.value()
                stands = cursor.next()


def realised(forecasts: Sequence[ForecastRecord], candles: CandleStore) -> Floats:
    """What came: the closes for which forecasts of one timeframe were made.

    Args:
        forecasts: n of them, oldest first, all of one timeframe.
        candles: where what came is kept.

    Returns:
        Closes [quote per base], shape (n, 5) for STEPS; NaN where the candle is not known (yet).
    """
    made = np.array([forecast.at for forecast in forecasts], np.int64)
    return came(forecasts[0].timeframe if forecasts else Timeframe.M1, made, candles)


def came(timeframe: Timeframe, made: NDArray[np.int64], candles: CandleStore) -> Floats:
    """As `realised`, of the forecasts of a timeframe that were made at these times, shape (n,)."""
    if not len(made):
        return np.zeros((0, len(STEPS)))
    first, last = int(made[0]), int(made[-1]) + max(STEPS) * timeframe.span
    known = candles.closes(timeframe, Nanos(first), Nanos(last))
    due = made[:, None] + np.array(STEPS) * timeframe.span
    ends = known.opened + timeframe.span
    place = np.searchsorted(ends, due)
    there = place < len(ends)
    place[~there] = 0
    there[there] = ends[place[there]] == due[there]
    return np.where(there, known.close[place] if len(ends) else np.nan, np.nan)


def sound(key: bytes, record: bytes) -> bool:
    """Whether these bytes can be a forecast of ours."""
    return len(key) == KEY.size and len(record) == HEAD.size + len(STEPS) * len(LEVELS) * 2


def _record(forecast: Forecast, place: int, model_sha: str) -> bytes:
    base = float(forecast.closes[place, -1])
    distances = np.log(forecast.quantiles[place] / base) * BASIS_POINTS  # (5, 13)
    distances = np.clip(distances, -FARTHEST, FARTHEST)
    head: bytes = HEAD.pack(base, model_sha.encode()[:8])
    return head + bytes(distances.astype(DISTANCE).tobytes())


def _decode(key: bytes, record: bytes) -> ForecastRecord:
    try:
        at, place = KEY.unpack(key)
        base, model = HEAD.unpack_from(record)
        distances = np.frombuffer(record, DISTANCE, offset=HEAD.size).reshape(SHAPE)
        quantiles = base * np.exp(distances.astype(np.float64) / BASIS_POINTS)
        name = model.rstrip(b"\0").decode("ascii")
        return ForecastRecord(TIMEFRAMES[place], Nanos(at), base, name, quantiles)
    except (struct.error, ValueError, IndexError) as error:
        raise StoreCorrupt(f"a forecast of {len(record)} bytes") from error


def _forget(transaction: lmdb.Transaction, before: Nanos) -> None:
    cursor = transaction.cursor()
    while cursor.first() and KEY.unpack(cursor.key())[0] < before:
        cursor.delete()
