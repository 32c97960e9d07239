"""The forecasts of the last month: what was said of each candle, to be held against what came."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import lmdb
import numpy as np

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
        place, end = TIMEFRAMES.index(timeframe), KEY.pack(last, len(TIMEFRAMES))
        found = []
        with self._environment.begin(self._table) as transaction:
            cursor = transaction.cursor()
            stands = cursor.set_range(KEY.pack(max(first, 0), 0))
            while stands and cursor.key() <= end:
                if cursor.key()[-1] == place:
                    found.append(_decode(cursor.key(), cursor.value()))
                stands = cursor.next()
        return tuple(found)


def realised(forecasts: Sequence[ForecastRecord], candles: CandleStore) -> Floats:
    """What came: the closes for which forecasts of one timeframe were made.

    Args:
        forecasts: n of them, oldest first, all of one timeframe.
        candles: where what came is kept.

    Returns:
        Closes [quote per base], shape (n, 5) for STEPS; NaN where the candle is not known (yet).
    """
    closes = np.full((len(forecasts), len(STEPS)), np.nan)
    if not forecasts:
        return closes
    timeframe, (first, last) = forecasts[0].timeframe, (forecasts[0].at, forecasts[-1].due[-1])
    known = {x.close_time: float(x.close) for x in candles.between(timeframe, first, last)}
    for row, forecast in enumerate(forecasts):
        closes[row] = [known.get(due, np.nan) for due in forecast.due]
    return closes


def sound(key: bytes, record: bytes) -> bool:
    """Whether these bytes can be a forecast of ours."""
    return len(key) == KEY.size and len(record) == HEAD.size + len(STEPS) * len(LEVELS) * 2


def _record(forecast: Forecast, place: int, model_sha: str) -> bytes:
    base = float(forecast.closes[place, -1])
    distances = np.log(forecast.quantiles[place] / base) * BASIS_POINTS  # (5, 13)
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
