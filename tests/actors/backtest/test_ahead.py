"""What is judged for weeks at once passes over nothing that a close look would stop at."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.backtest.ahead import Prompts, Stretch, extremes, first_to_matter
from actors.backtest.stage import reached
from actors.broker import Rest
from actors.feed.rows import Rows
from domain.account import Account
from domain.horizons import Timeframe
from domain.market import Candle, Side
from domain.modelled import made
from domain.units import DAY, MINUTE, Nanos, Price, Quantity
from tests.builders import NOON, a_plan, a_position, an_account, marked, price

TICK = Decimal("0.01")


def some_candles(seed: int, count: int) -> list[Candle]:
    """A random walk around 100, now and then with a leap."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 8, count) + rng.choice([0, 0, 0, 300, -300], count) * (rng.random(count))
    closes = 10_000 + np.rint(moves.cumsum()).astype(int)
    opens = np.concatenate(([10_000], closes[:-1]))
    highs = np.maximum(opens, closes) + rng.integers(0, 9, count)
    lows = np.minimum(opens, closes) - rng.integers(0, 9, count)
    figures = zip(opens.tolist(), highs.tolist(), lows.tolist(), closes.tolist(), strict=True)
    one = Quantity(Decimal(1))
    return [
        Candle(Timeframe.M1, Nanos(NOON + n * MINUTE), *exact(four), one)
        for n, four in enumerate(figures)
    ]


def exact(ticks: tuple[int, int, int, int]) -> tuple[Price, Price, Price, Price]:
    first, high, low, last = (Price(x * TICK) for x in ticks)
    return first, high, low, last


def a_stretch(candles: list[Candle]) -> Stretch:
    prices = np.array([(x.open, x.high, x.low, x.close) for x in candles], np.float64).T.copy()
    rows = Rows(np.array([x.open_time for x in candles]), prices, candles.__getitem__)
    return Stretch(rows, Prompts(*np.zeros((3, len(candles)), bool)))


def resting(high: str, deepest: float, missing: list[int]) -> Callable[[Account], Rest]:
    prices = tuple(Price(x * TICK) for x in missing)

    def of(account: Account) -> Rest:
        return Rest(replace(marked(account, high_water=high), deepest=deepest), prices)

    return of


@given(
    seed=st.integers(0, 2**32 - 1),
    side=st.sampled_from(list(Side)),
    away=st.integers(1, 1500),
    size=st.sampled_from(["0.5", "7", "80"]),
    rest=st.builds(
        resting,
        high=st.sampled_from(["10000", "10001.5", "10400"]),
        deepest=st.sampled_from([0.0, 0.06]),
        missing=st.lists(st.integers(9_500, 10_500), max_size=2),
    ),
)
def test_minute_that_a_close_look_stops_at_is_not_passed_over(
    seed: int,
    side: Side,
    away: int,
    size: str,
    rest: Callable[[Account], Rest],
) -> None:
    gone = away * side.sign
    plan = a_plan(
        stop=str((10_000 - gone) * TICK),
        target=str((10_000 + gone) * TICK),
        expires=NOON + DAY,
    )
    at_rest = rest(an_account(position=a_position(side=side, size=size, plan=plan)))
    candles = some_candles(seed, 300)

    found = first_to_matter(at_rest, a_stretch(candles), 0)

    assert not any(reached(at_rest, candle) for candle in candles[:found])


def test_quiet_market_is_passed_over_up_to_the_settlement() -> None:
    quiet = [replace(x, high=x.open, low=x.open, close=x.open) for x in some_candles(1, 300)]
    quiet = [replace(x, open=price(100), high=price(100), low=price(100)) for x in quiet]
    far = a_plan(stop="80", target="120", expires=NOON + DAY)
    held = Rest(marked(an_account(position=a_position(plan=far)), high_water="10001"), ())

    found = first_to_matter(held, a_stretch(quiet), 0)

    assert found == 239


@given(seed=st.integers(0, 2**32 - 1), side=st.sampled_from(list(Side)))
def test_best_book_of_a_minute_is_within_its_candle_and_the_best(seed: int, side: Side) -> None:
    candles = some_candles(seed, 5)
    position = a_position(side=side)
    beyond = float(candles[0].open)

    places = extremes(position, a_stretch(candles).rows, 0, len(candles), beyond)

    for place, candle in enumerate(candles):
        whole = made(candle, seed)
        book = whole.extreme(side.sign, candle.open_time)
        assert book is not None
        assert candle.low - TICK / 2 <= book.mid <= candle.high + TICK / 2
        mids = [whole.book(n).mid for n in range(len(whole.times))]
        assert book.mid == (max(mids) if side is Side.BUY else min(mids))
        if (float(book.mid) - beyond) * side.sign > 0:
            assert place in places
