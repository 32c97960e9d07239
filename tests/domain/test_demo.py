from decimal import Decimal
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.candles import holes, wrong
from domain.demo import EPOCH, Day, candles, days, funding_rates
from domain.units import DAY
from tests.benchmarks.calibration import (
    candle_facts,
    funding_facts,
    made_candles,
    real_candles,
)
from tests.shared import shared

DAYS = 600
BOUNDS = {
    "return, standard deviation [bp]": (5.5, 9.0),
    "return over a day, the same [bp]": (210, 330),
    "kurtosis of 1m returns": (12, 60),
    "kurtosis of 15m returns": (8, 30),
    "kurtosis of 1h returns": (7, 25),
    "kurtosis of 1d returns": (3.5, 9),
    "tail index, largest 1 %": (2.9, 3.8),
    "99 % of |return| over its mean": (5.2, 6.6),
    "99.9 % of |return| over its mean": (10, 13.5),
    "autocorrelation of return, lag 1": (-0.015, 0.015),
    "autocorrelation of return, lag 10": (-0.015, 0.015),
    "autocorrelation of |return|, lag 1": (0.30, 0.40),
    "autocorrelation of |return|, lag 10": (0.26, 0.34),
    "autocorrelation of |return|, lag 60": (0.18, 0.27),
    "autocorrelation of |return|, lag 1440": (0.11, 0.18),
    "autocorrelation of |return|, lag 10080": (0.10, 0.17),
    "volatility of a day, log deviation": (0.40, 0.56),
    "median range at 14h over 05h UTC": (2.3, 3.0),
    "median range at weekends over other days": (0.42, 0.56),
    "median range [bp]": (4.0, 6.0),
    "mean range over mean |close - open|": (1.5, 1.65),
    "minutes that open at the last close": (0.5, 0.54),
    "median volume [BTC]": (9, 13),
    "mean volume [BTC]": (15, 23),
    "correlation of log volume and log range": (0.64, 0.78),
}
"""Wide enough for any seed's 600 days, and for the real market's."""


def some_days(seed: int, first: int, last: int) -> list[Day]:
    return list(islice(days(seed), first, last))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_demo_has_the_stated_figures(seed: int) -> None:
    facts = candle_facts(*made_candles(some_days(seed, 0, DAYS)))

    beside = {
        name: facts[name] for name, (low, high) in BOUNDS.items() if not low < facts[name] < high
    }
    assert beside == {}


def test_the_real_market_lies_within_the_same_bounds() -> None:
    shared("klines/BTCUSDT-1m.parquet")

    facts = candle_facts(*real_candles())

    beside = {
        name: facts[name] for name, (low, high) in BOUNDS.items() if not low < facts[name] < high
    }
    assert beside == {}


@settings(max_examples=10)
@given(st.integers(0, 2**63), st.integers(0, 5))
def test_every_candle_is_possible_and_none_is_missing(seed: int, first: int) -> None:
    made = [candle for day in some_days(seed, first, first + 2) for candle in candles(day)]

    assert [candle for candle in made if wrong(candle)] == []
    assert holes(made) == []
    assert len(made) == 2 * 1440
    assert made[0].open_time == EPOCH + first * DAY


@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_a_candle_opens_within_a_tick_of_the_last_close(seed: int) -> None:
    made = [candle for day in some_days(seed, 0, 2) for candle in candles(day)]

    assert max(abs(b.open - a.close) for a, b in pairwise(made)) <= Decimal("0.01")


def test_a_seed_is_one_history_however_far_it_is_followed() -> None:
    far = some_days(7, 0, 30)

    again = some_days(7, 20, 22)

    assert np.array_equal(again[0].prices, far[20].prices)
    assert np.array_equal(again[1].lots, far[21].lots)


def test_two_seeds_are_two_markets() -> None:
    one, two = next(days(1)), next(days(2))

    assert not np.array_equal(one.prices, two.prices)


@pytest.mark.parametrize("seed", range(3))
def test_the_price_stays_where_bitcoin_has_been_for_years(seed: int) -> None:
    prices = np.array([day.prices[3, -1] / 100 for day in islice(days(seed), 3 * 365)])

    assert prices.min() > 45_000
    assert prices.max() < 160_000


def test_funding_rates_are_distributed_as_binance_has_them() -> None:
    rates = np.array([float(rate) * 1e4 for rate in islice(funding_rates(1), 3000)])

    facts = funding_facts(rates)

    assert facts["funding, median [bp]"] == pytest.approx(0.84, abs=0.25)
    assert facts["funding, 95 % [bp]"] == pytest.approx(2.2, abs=0.8)
    assert facts["funding, share of exactly 1 bp"] == pytest.approx(0.354, abs=0.05)
    assert facts["funding, rank correlation over 8 h"] == pytest.approx(0.80, abs=0.08)


def test_funding_rates_of_a_seed_are_always_the_same() -> None:
    assert list(islice(funding_rates(3), 50)) == list(islice(funding_rates(3), 100))[:50]
