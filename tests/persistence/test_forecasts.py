from dataclasses import replace
from pathlib import Path

import lmdb
import numpy as np
import pytest

from domain.errors import StoreCorrupt
from domain.horizons import LEVELS, STEPS, TIMEFRAMES, Timeframe
from domain.units import MINUTE, Nanos
from persistence.candles import CandleStore
from persistence.environment import open_environment
from persistence.forecasts import KEPT, KEY, ForecastStore, realised
from tests.builders import NOON, a_forecast, candles

LATER = Nanos(NOON + 5 * MINUTE)


@pytest.fixture
def environment(tmp_path: Path) -> lmdb.Environment:
    return open_environment(tmp_path / "store")


def test_forecast_comes_back_as_it_was_told(environment: lmdb.Environment) -> None:
    store, told = ForecastStore(environment), a_forecast(shift=0.001)

    store.put(told, "0123456789abcdef")

    for place, timeframe in enumerate(TIMEFRAMES):
        (found,) = store.between(timeframe, NOON, NOON)
        assert (found.at, found.timeframe, found.model) == (NOON, timeframe, "01234567")
        assert found.base == told.closes[place, -1]
        assert found.quantiles.shape == (len(STEPS), len(LEVELS))
        assert (np.diff(found.quantiles) > 0).all()
        np.testing.assert_allclose(found.quantiles, told.quantiles[place], rtol=2e-5)


def test_forecast_beyond_all_measure_is_kept_as_far_as_can_be(
    environment: lmdb.Environment,
) -> None:
    store, told = ForecastStore(environment), a_forecast()

    store.put(replace(told, quantiles=told.quantiles * 1e6), "00")

    (found,) = store.between(Timeframe.H1, NOON, NOON)
    np.testing.assert_allclose(found.quantiles / found.base, np.exp(6.5504))


def test_timeframe_is_kept_when_one_of_its_own_candles_has_closed(
    environment: lmdb.Environment,
) -> None:
    store = ForecastStore(environment)

    for minute in range(16):
        store.put(replace(a_forecast(), at=Nanos(NOON + minute * MINUTE)), "00")

    counts = [len(store.between(x, NOON, Nanos(2**63 - 1))) for x in TIMEFRAMES]
    assert counts == [16, 6, 4, 2, 1, 1]
    found = store.between(Timeframe.M5, Nanos(NOON + 1), LATER)
    assert [x.at for x in found] == [LATER]


def test_forecast_that_a_restart_makes_again_takes_the_place_of_the_first(
    environment: lmdb.Environment,
) -> None:
    store = ForecastStore(environment)

    store.put(a_forecast(), "00")
    store.put(a_forecast(), "01")

    assert [x.model for x in store.between(Timeframe.H1, NOON, NOON)] == ["01"]


def test_forecast_of_more_than_a_month_ago_is_dropped(environment: lmdb.Environment) -> None:
    store = ForecastStore(environment)
    store.put(a_forecast(), "00")
    store.put(replace(a_forecast(), at=LATER), "00")

    store.put(replace(a_forecast(), at=Nanos(LATER + KEPT)), "00")

    assert [x.at for x in store.between(Timeframe.M5, NOON, LATER)] == [LATER]


def test_what_came_stands_beside_what_was_said(environment: lmdb.Environment) -> None:
    store, market = ForecastStore(environment), CandleStore(environment)
    came = candles(4)
    market.put(came)
    store.put(a_forecast(), "00")
    store.put(replace(a_forecast(), at=Nanos(NOON + MINUTE)), "00")
    said = store.between(Timeframe.M1, NOON, LATER)

    found = realised(said, market)

    closes = [float(x.close) for x in came]
    np.testing.assert_array_equal(found[0], [closes[0], closes[2], *[np.nan] * 3])
    np.testing.assert_array_equal(found[1], [closes[1], closes[3], *[np.nan] * 3])
    assert realised((), market).shape == (0, len(STEPS))


def test_forecasts_in_arrays_say_the_same(environment: lmdb.Environment) -> None:
    store = ForecastStore(environment)
    for minute in range(6):
        store.put(replace(a_forecast(shift=minute / 1000), at=Nanos(NOON + minute * MINUTE)), "00")

    said = store.said(Timeframe.M3, NOON, LATER)

    each = store.between(Timeframe.M3, NOON, LATER)
    assert said.at.tolist() == [x.at for x in each] == [NOON, NOON + 3 * MINUTE]
    assert said.base.tolist() == [x.base for x in each]
    assert said.quantiles(slice(0, 9)).tolist() == [x.quantiles.tolist() for x in each]
    assert len(store.said(Timeframe.M3, LATER, LATER).at) == 0


@pytest.mark.parametrize("damage", [b"", b"\0" * 50, b"\xff" * 146])
def test_record_that_is_none_of_ours_is_said_to_be_corrupt(
    environment: lmdb.Environment, damage: bytes
) -> None:
    store = ForecastStore(environment)
    with environment.begin(environment.open_db(b"forecasts"), write=True) as transaction:
        transaction.put(KEY.pack(NOON, 0), damage)

    with pytest.raises(StoreCorrupt, match="a forecast of"):
        store.between(Timeframe.M1, NOON, NOON)
    with pytest.raises(StoreCorrupt, match="a forecast of"):
        store.said(Timeframe.M1, NOON, NOON)
