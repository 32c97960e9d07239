from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import StoreCorrupt
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Origin
from domain.units import HOUR, MINUTE, Nanos, Price
from persistence.candles import CandleStore
from persistence.environment import open_environment
from tests.builders import NOON, a_candle, candles, price

LATER = Nanos(NOON + 2 * HOUR)


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


def test_closes_are_those_of_the_candles_however_many_are_read_at_a_time(
    environment: lmdb.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.candles.PART", 3)
    store = CandleStore(environment)
    store.put([*candles(9), *candles(2, timeframe=Timeframe.H1)])
    span = (Nanos(NOON + MINUTE), Nanos(NOON + 7 * MINUTE))

    found = store.closes(Timeframe.M1, *span)

    expected = store.between(Timeframe.M1, *span)
    assert len(expected) == 7
    assert found.opened.tolist() == [x.open_time for x in expected]
    assert found.close.tolist() == [float(x.close) for x in expected]
    assert store.closes(Timeframe.H1, NOON, LATER).opened.tolist()[0] == NOON
    assert len(store.closes(Timeframe.M1, LATER, NOON).close) == 0


@settings(max_examples=30, deadline=None)
@given(st.decimals("0.00000001", "9999999", places=8))
def test_close_in_an_array_is_the_float_that_is_nearest(
    tmp_path_factory: pytest.TempPathFactory, close: Decimal
) -> None:
    with closing(open_environment(tmp_path_factory.mktemp("store"))) as environment:
        store = CandleStore(environment)
        store.put([replace(a_candle(), close=Price(close))])

        assert store.closes(Timeframe.M1, NOON, NOON).close.tolist() == [float(close)]


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
    with pytest.raises(StoreCorrupt, match="5 bytes"):
        store.closes(Timeframe.M1, NOON, LATER)
