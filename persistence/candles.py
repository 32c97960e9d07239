"""The candle cache: what the exchange published, so that a second start fetches only the rest."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import lmdb
import numpy as np
from numpy.typing import NDArray

from domain.errors import StoreCorrupt
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Candle, Origin
from domain.units import Floats, Nanos, Price, Quantity

KEY = struct.Struct(">BQ")
"""Timeframe (its place in TIMEFRAMES), open time [ns]. Big-endian: byte order is time order."""

RECORD = struct.Struct(">qqqqqB")
"""Open, high, low, close, volume in units of 1e-8, and the origin."""

SCALE = Decimal(100_000_000)
"""Binance states no price or quantity finer than this."""

KINDS = (Origin.REAL, Origin.DERIVED)
"""Interpolated candles are never stored."""


KEYS = np.dtype([("place", "u1"), ("opened", ">u8")])
RECORDS = np.dtype([("prices", ">i8", 4), ("volume", ">i8"), ("kind", "u1")])
"""KEY and RECORD as rows of arrays."""

PART = 1 << 15
"""Candles that are read as bytes before they become arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Closes:
    """Closes of one timeframe without the rest of their candles, shape (n,) each, oldest first.

    Attributes:
        opened: when each candle began [ns].
        close: its close [quote per base].
    """

    opened: NDArray[np.int64]
    close: Floats


class CandleStore:
    """Table of candles by timeframe and open time."""

    def __init__(self, environment: lmdb.Environment) -> None:
        self._environment = environment
        self._table = environment.open_db(b"candles")

    def put(self, candles: Iterable[Candle]) -> None:
        """Write candles; a real one replaces a derived one, never the other way."""
        with self._environment.begin(self._table, write=True) as transaction:
            for candle in candles:
                real = candle.kind is Origin.REAL
                transaction.put(_key(candle), _record(candle), overwrite=real)

    def newest(self, timeframe: Timeframe, count: int) -> tuple[Candle, ...]:
        """The last candles of a timeframe, oldest first, no more than `count`."""
        place = TIMEFRAMES.index(timeframe)
        found: list[Candle] = []
        with self._environment.begin(self._table) as transaction:
            cursor = transaction.cursor()
            stands = cursor.set_range(KEY.pack(place + 1, 0))
            stands = cursor.prev() if stands else cursor.last()
            while stands and cursor.key()[0] == place and len(found) < count:
                found.append(_decode(cursor.key(), cursor.value()))
                stands = cursor.prev()
        return tuple(reversed(found))

    def between(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> tuple[Candle, ...]:
        """The candles with open times from `first` to `last`, both included, oldest first."""
        place = TIMEFRAMES.index(timeframe)
        end = KEY.pack(place, last)
        found: list[Candle] = []
        with self._environment.begin(self._table) as transaction:
            cursor = transaction.cursor()
            stands = cursor.set_range(KEY.pack(place, first))
            while stands and cursor.key() <= end:
                found.append(_decode(cursor.key(), cursor.value()))
                stands = cursor.next()
        return tuple(found)

    def closes(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> Closes:
        """As `between`, the closes alone: a year of whole candles fills the memory.

        Raises:
            StoreCorrupt: a record is none of ours.
        """
        parts = [Closes(np.zeros(0, np.int64), np.zeros(0))]
        with self._environment.begin(self._table) as transaction:
            cursor = transaction.cursor()
            parts += map(_closes, _parts(cursor, TIMEFRAMES.index(timeframe), first, last))
        return Closes(
            np.concatenate([part.opened for part in parts]),
            np.concatenate([part.close for part in parts]),
        )


def sound(key: bytes, record: bytes) -> bool:
    """Whether these bytes can be a candle of ours."""
    return len(key) == KEY.size and len(record) == RECORD.size and record[-1] < len(KINDS)


def _parts(
    cursor: lmdb.Cursor, place: int, first: Nanos, last: Nanos
) -> Iterator[tuple[bytearray, bytearray]]:
    """Keys and records of the candles that open from `first` to `last`, PART at a time."""
    end, keys, records = KEY.pack(place, max(last, 0)), bytearray(), bytearray()
    stands = first <= last and cursor.set_range(KEY.pack(place, first))
    while stands and (key := bytes(cursor.key())) <= end:
        if not sound(key, record := bytes(cursor.value())):
            raise StoreCorrupt(f"a candle of {len(record)} bytes")
        keys += key
        records += record
        if len(keys) == PART * KEY.size:
            yield keys, records
            keys, records = bytearray(), bytearray()
        stands = cursor.next()
    yield keys, records


def _closes(part: tuple[bytearray, bytearray]) -> Closes:
    keys, records = part
    close = np.frombuffer(records, RECORDS)["prices"][:, 3]
    opened = np.frombuffer(keys, KEYS)["opened"]
    return Closes(opened.astype(np.int64), close.astype(np.float64) / float(SCALE))


def _key(candle: Candle) -> bytes:
    return KEY.pack(TIMEFRAMES.index(candle.timeframe), candle.open_time)


def _record(candle: Candle) -> bytes:
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return RECORD.pack(*(int(number * SCALE) for number in numbers), KINDS.index(candle.kind))


def _decode(key: bytes, record: bytes) -> Candle:
    try:
        place, open_time = KEY.unpack(key)
        *numbers, kind = RECORD.unpack(record)
        opened, high, low, close, volume = (Decimal(number) / SCALE for number in numbers)
        return Candle(
            timeframe=TIMEFRAMES[place],
            open_time=Nanos(open_time),
            open=Price(opened),
            high=Price(high),
            low=Price(low),
            close=Price(close),
            volume=Quantity(volume),
            kind=KINDS[kind],
        )
    except (struct.error, IndexError) as error:
        raise StoreCorrupt(f"a candle of {len(record)} bytes") from error
