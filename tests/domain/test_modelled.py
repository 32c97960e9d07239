from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.demo import candles, days
from domain.horizons import Timeframe
from domain.market import DEPTH, Book, Candle, Trade, valid
from domain.microstructure import liquidity
from domain.modelled import BOOKS_A_MINUTE, minute
from domain.units import MINUTE, Nanos, Price, Quantity
from tests.benchmarks.calibration import RECORDED_PRICE, around, book_facts, made_books

TICK = Decimal("0.01")
LOT = Decimal("0.00001")


@st.composite
def some_candles(draw: st.DrawFn, lots_min: int = 0) -> Candle:
    low = draw(st.integers(1_000_00, 200_000_00))
    high = low + draw(st.integers(0, 2_000_00))
    opened, closed = draw(st.integers(low, high)), draw(st.integers(low, high))
    lots = draw(st.integers(lots_min, 10_000_000))
    number = draw(st.integers(25_000_000, 30_000_000))
    return Candle(
        Timeframe.M1,
        Nanos(number * MINUTE),
        open=Price(opened * TICK),
        high=Price(high * TICK),
        low=Price(low * TICK),
        close=Price(closed * TICK),
        volume=Quantity(lots * LOT),
    )


a_candle = some_candles()
a_traded_candle = some_candles(lots_min=4)
a_seed = st.integers(0, 2**32)
a_cadence = st.integers(4, 300)


def trades_of(events: Sequence[Book | Trade]) -> list[Trade]:
    return [event for event in events if isinstance(event, Trade)]


def books_of(events: Sequence[Book | Trade]) -> list[Book]:
    return [event for event in events if isinstance(event, Book)]


@settings(max_examples=50)
@given(a_traded_candle, a_seed, a_cadence)
def test_trades_make_exactly_the_candle_they_were_made_of(
    candle: Candle, seed: int, cadence: int
) -> None:
    trades = trades_of(minute(candle, seed, cadence))

    prices = [trade.price for trade in trades]
    again = replace(candle, open=prices[0], high=max(prices), low=min(prices), close=prices[-1])
    assert again == candle
    assert sum(trade.quantity for trade in trades) == candle.volume


@settings(max_examples=50)
@given(a_candle, a_seed, a_cadence)
def test_every_trade_has_a_size_and_the_volume_is_conserved_however_small(
    candle: Candle, seed: int, cadence: int
) -> None:
    trades = trades_of(minute(candle, seed, cadence))

    assert all(trade.quantity > 0 for trade in trades)
    assert sum((trade.quantity for trade in trades), Decimal(0)) == candle.volume


@settings(max_examples=50)
@given(a_candle, a_seed, a_cadence)
def test_every_book_is_valid_on_the_grid_and_around_the_trade_before_it(
    candle: Candle, seed: int, cadence: int
) -> None:
    last = None

    for event in minute(candle, seed, cadence):
        if isinstance(event, Trade):
            last = event
            continue
        assert valid(event)
        assert event.modelled
        assert len(event.bids) == len(event.asks) == DEPTH
        levels = (*event.bids, *event.asks)
        assert all(x.price % TICK == 0 and x.quantity % LOT == 0 for x in levels)
        if last is not None and last.at == event.at - 1_000_000:
            assert last.price == (event.best_bid if last.buyer_is_maker else event.best_ask)


@settings(max_examples=50)
@given(some_candles().filter(lambda candle: candle.high > candle.low), a_seed)
def test_best_prices_stay_within_the_candle(candle: Candle, seed: int) -> None:
    books = books_of(minute(candle, seed))

    assert min(book.best_bid for book in books) >= candle.low
    assert max(book.best_ask for book in books) <= candle.high


@settings(max_examples=50)
@given(a_candle, a_seed, a_cadence)
def test_events_are_in_order_and_lie_within_the_minute(
    candle: Candle, seed: int, cadence: int
) -> None:
    events = minute(candle, seed, cadence)

    assert all(a.at <= b.at for a, b in pairwise(events))
    assert candle.open_time <= events[0].at
    assert events[-1].at < candle.close_time
    assert len(books_of(events)) == cadence


@settings(max_examples=50)
@given(a_traded_candle, a_seed)
def test_the_extreme_nearer_to_the_open_comes_first(candle: Candle, seed: int) -> None:
    prices = [trade.price for trade in trades_of(minute(candle, seed))]

    low_is_nearer = candle.open - candle.low <= candle.high - candle.open
    first, second = (candle.low, candle.high) if low_is_nearer else (candle.high, candle.low)
    assert second in prices[prices.index(first) :]


@settings(max_examples=50)
@given(a_candle, a_seed)
def test_a_minute_is_the_same_whenever_it_is_made(candle: Candle, seed: int) -> None:
    once = minute(candle, seed)
    minute(replace(candle, open_time=Nanos(candle.open_time + MINUTE)), seed)

    assert minute(candle, seed) == once


@settings(max_examples=50)
@given(some_candles(lots_min=1000).filter(lambda candle: candle.high - candle.low > 1), a_seed)
def test_seed_and_open_time_change_what_happens(candle: Candle, seed: int) -> None:
    events = minute(candle, seed)
    later = replace(candle, open_time=Nanos(candle.open_time + MINUTE))

    sizes = [x.bids[0].quantity for x in books_of(events)]
    assert [x.bids[0].quantity for x in books_of(minute(candle, seed + 1))] != sizes
    assert [x.bids[0].quantity for x in books_of(minute(later, seed))] != sizes


def a_minute(volume: str) -> Candle:
    return Candle(
        Timeframe.M1,
        Nanos(0),
        open=Price(Decimal("61837.63")),
        high=Price(Decimal("61850.00")),
        low=Price(Decimal("61800.12")),
        close=Price(Decimal("61849.01")),
        volume=Quantity(Decimal(volume)),
    )


def test_a_minute_without_volume_has_books_and_no_trades() -> None:
    events = minute(a_minute("0"), seed=1)

    assert trades_of(events) == []
    assert len(books_of(events)) == BOOKS_A_MINUTE


def test_a_volume_of_eight_decimal_places_is_kept_to_the_last() -> None:
    trades = trades_of(minute(a_minute("12.34567891"), seed=1))

    assert sum(trade.quantity for trade in trades) == Decimal("12.34567891")


def test_a_market_of_its_own_does_not_mark_its_books() -> None:
    books = books_of(minute(a_minute("1"), seed=1, modelled=False))

    assert not any(book.modelled for book in books)


def test_a_price_of_a_few_ticks_leaves_out_levels_below_zero() -> None:
    cents = Price(TICK * 3)
    candle = replace(a_minute("1"), open=cents, high=cents, low=Price(TICK), close=cents)

    assert all(valid(book) for book in books_of(minute(candle, seed=1)))


@pytest.mark.parametrize("price", [4_000, 61_750, 110_000])
def test_the_value_in_the_book_does_not_depend_on_the_price(price: int) -> None:
    moved = around([a_minute("10")], Decimal(price))[0]
    minutes = (replace(moved, open_time=Nanos(n * MINUTE)) for n in range(50))

    values = sorted(liquidity(book) for x in minutes for book in books_of(minute(x, 1)))

    assert 290_000 < values[len(values) // 2] < 370_000


@pytest.fixture(scope="module")
def facts() -> dict[str, float]:
    busy = around(candles(next(days(1)))[840:870], RECORDED_PRICE)
    return book_facts(*made_books(busy, cadence=600))


@pytest.mark.parametrize(
    ("name", "real", "tolerance"),
    [
        ("spread of one tick, share", 0.993, 0.005),
        ("best size, 10 % [BTC]", 0.147, 0.03),
        ("best size, median [BTC]", 1.995, 0.2),
        ("best size, 90 % [BTC]", 4.709, 0.4),
        ("size behind it, median [BTC]", 0.045, 0.01),
        ("size behind it, mean [BTC]", 0.144, 0.03),
        ("gap of one tick, share", 0.322, 0.04),
        ("gap, median [ticks]", 11, 1.5),
        ("gap, mean [ticks]", 37.9, 3),
        ("liquidity, 10 % [1000 USD]", 227, 25),
        ("liquidity, median [1000 USD]", 336, 30),
        ("liquidity, 90 % [1000 USD]", 483, 40),
        ("log pressure, standard deviation", 2.085, 0.5),
        ("log pressure, autocorrelation at 0.5 s", 0.632, 0.06),
        ("log pressure, autocorrelation at 1 s", 0.404, 0.08),
        ("imbalance and the second before, correlation", 0.343, 0.1),
    ],
)
def test_books_have_the_measured_figures(
    facts: dict[str, float], name: str, real: float, tolerance: float
) -> None:
    assert facts[name] == pytest.approx(real, abs=tolerance)


def test_a_book_does_not_know_the_next_move(facts: dict[str, float]) -> None:
    assert abs(facts["imbalance and the second after, correlation"]) < 0.1
