from dataclasses import replace
from pathlib import Path

import lmdb
import pytest

from domain.errors import StoreCorrupt
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Origin
from domain.units import MINUTE, Nanos
from persistence.candles import CandleStore
from persistence.environment import open_environment
from tests.builders import NOON, a_candle, candles, price


@pytest.fixture
def environment(tmp_path: Path) -> lmdb.Environment:
    return open_environment(tmp_path / "store")


def test_candles_come_back_oldest_first_and_by_timeframe(environment: lmdb.Environment) -> None:
    store = CandleStore(environment)
    minutes, hours = candles(5), candles(3, timeframe=Timeframe.H1)

    store.put([*reversed(minutes), *hours])

    assert store.newest(Timeframe.M1, 3) == tuple(minutes[-3:])
    assert store.newest(Timeframe.H1, 9) == tuple(hours)
    assert store.newest(Timeframe.M5, 9) == ()


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_newest_of_each_timeframe_is_found_among_all(
    environment: lmdb.Environment, timeframe: Timeframe
) -> None:
    store = CandleStore(environment)
    for each in TIMEFRAMES:
        store.put(candles(2, timeframe=each))

    found = store.newest(timeframe, 1)

    assert found == tuple(candles(2, timeframe=timeframe)[1:])


def test_span_includes_both_its_ends(environment: lmdb.Environment) -> None:
    store = CandleStore(environment)
    store.put(candles(5))

    found = store.between(Timeframe.M1, Nanos(NOON + MINUTE), Nanos(NOON + 3 * MINUTE))

    assert found == tuple(candles(5)[1:4])


def test_real_candle_replaces_a_derived_one_and_never_the_other_way(
    environment: lmdb.Environment,
) -> None:
    store = CandleStore(environment)
    real, derived = a_candle(close="101"), a_candle(close="102", kind=Origin.DERIVED)

    store.put([derived])
    store.put([real])
    store.put([derived])

    assert store.newest(Timeframe.M1, 1) == (real,)


def test_interpolated_candle_cannot_be_stored(environment: lmdb.Environment) -> None:
    made_up = a_candle(kind=Origin.INTERPOLATED)

    with pytest.raises(ValueError, match="not in tuple"):
        CandleStore(environment).put([made_up])


def test_eighth_digit_survives(environment: lmdb.Environment) -> None:
    store = CandleStore(environment)
    candle = replace(a_candle(), close=price("100.00000000"), low=price("99.12345678"))

    store.put([candle])

    assert store.newest(Timeframe.M1, 1) == (candle,)


def test_record_we_did_not_write_is_reported_as_corrupt(environment: lmdb.Environment) -> None:
    store = CandleStore(environment)
    store.put(candles(1))
    table = environment.open_db(b"candles")
    with environment.begin(table, write=True) as transaction:
        cursor = transaction.cursor()
        cursor.first()
        transaction.put(cursor.key(), b"short")

    with pytest.raises(StoreCorrupt, match="5 bytes"):
        store.newest(Timeframe.M1, 1)
