"""What is usual, and what stands out of it."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from actors.feed.archive import read_candles
from domain.baselines import baselines, disagreeing, outliers
from domain.candles import aggregate, wrong
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.units import DAY, MINUTE, Nanos
from tests.builders import a_candle, price
from tests.shared import shared


def walk(seed: int, count: int = 3000) -> list[Candle]:
    """Minutes whose closes wander."""
    steps = np.random.default_rng(seed).normal(0, 0.001, count)
    closes = [price(f"{100 * value:.6f}") for value in np.exp(np.cumsum(steps))]
    first = Nanos(1_760_000_400 * 10**9)
    return [
        replace(
            a_candle(open_time=Nanos(first + n * MINUTE)),
            open=before,
            high=max(before, after),
            low=min(before, after),
            close=after,
        )
        for n, (before, after) in enumerate(pairwise(closes))
    ]


def test_price_that_never_was_stands_out_and_a_quiet_walk_does_not() -> None:
    minutes = walk(1)
    false = replace(minutes[500], close=price("900"), high=price("900"))

    assert outliers(minutes) == []
    assert outliers([*minutes[:500], false, *minutes[501:]]) == [false, minutes[501]]


def test_few_candles_and_a_price_that_never_moves_say_nothing() -> None:
    assert outliers(walk(1)[:20]) == []
    assert outliers([replace(one, close=price("5")) for one in walk(1)[:100]]) == []


def test_longer_candle_that_its_minutes_do_not_add_up_to_is_found() -> None:
    minutes = walk(2)
    fives = aggregate(minutes, Timeframe.M5)
    false = replace(fives[7], high=price("900"))

    assert disagreeing(minutes, fives) == []
    assert disagreeing(minutes, [*fives[:7], false, *fives[8:]]) == [false]


def test_baselines_are_the_walks_own() -> None:
    minutes = walk(3)
    found = baselines({timeframe: aggregate(minutes, timeframe) for timeframe in TIMEFRAMES})

    assert found.volatility[0] == pytest.approx(0.001, rel=0.1)
    assert found.volatility[2] == pytest.approx(0.001 * 5**0.5, rel=0.15)
    assert found.daily_volatility[0] == pytest.approx(found.volatility[0] * 1440**0.5)
    assert found.daily_volatility[5] == pytest.approx(found.volatility[5] * 24**0.5)
    assert [found.correlation[n][n] for n in range(6)] == pytest.approx([1.0] * 6)
    assert found.correlation[0][2] == found.correlation[2][0] == pytest.approx(5**-0.5, abs=0.12)


def test_a_thousand_candles_of_each_timeframe_are_enough_for_every_correlation() -> None:
    minutes = walk(42)
    series = {one: aggregate(minutes, one)[-1000:] for one in TIMEFRAMES}

    found = baselines(series)

    assert all(one for row in found.correlation for one in row)


@pytest.mark.parametrize("day", ["2020-03-12", "2024-08-05"])
def test_real_crash_is_believed_whole(day: str) -> None:
    first = Nanos(int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9)
    found = list(read_candles(shared("klines/BTCUSDT-1m.parquet"), first, Nanos(first + DAY - 1)))

    assert len(found) > 1000
    assert [wrong(one) for one in found if wrong(one)] == []
    assert len(outliers(found)) < len(found) / 10
