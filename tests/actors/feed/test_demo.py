from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.feed.demo import BOOKS_A_MINUTE, FIRST_START, DemoSource
from domain.candles import unbroken
from domain.demo import EPOCH, candles, days, funding_rates
from domain.errors import SettingsInvalid
from domain.facts import Mode
from domain.funding import PERIOD
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.market import Book, Candle, MarketEvent, MarkPrice, Ticker, Trade, valid
from domain.microstructure import LIQUIDITY_MIN, SPREAD_MAX, liquidity, spread_bps
from domain.units import DAY, HOUR, MINUTE, SECOND, Nanos


def moment(event: MarketEvent) -> Nanos:
    return event.close_time if isinstance(event, Candle) else event.at


def until(source: DemoSource, end: int) -> list[MarketEvent]:
    """The source's events up to this time, the candle that closes then included."""
    return list(takewhile(lambda event: _before(event, end), source.events()))


def _before(event: MarketEvent, end: int) -> bool:
    return moment(event) < end or (isinstance(event, Candle) and moment(event) == end)


@pytest.fixture(scope="module")
def five_minutes() -> Sequence[MarketEvent]:
    return until(DemoSource(), FIRST_START + 5 * MINUTE)


def test_it_starts_with_a_thousand_hours_behind_it_and_says_what_it_is() -> None:
    source = DemoSource(seed=5)

    assert source.start == EPOCH + 1001 * HOUR
    assert source.mode is Mode.DEMO
    assert source.identity == "demo-5"
    assert not source.modelled


def test_history_is_a_thousand_unbroken_candles_of_each_timeframe() -> None:
    source = DemoSource(start=Nanos(FIRST_START + 3 * DAY + 100 * SECOND))

    history = source.history()

    for index, timeframe in enumerate(TIMEFRAMES):
        part = history[index * INGESTION : (index + 1) * INGESTION]
        assert {candle.timeframe for candle in part} == {timeframe}
        assert unbroken(part) == INGESTION
        assert part[-1].close_time == source.start // timeframe.span * timeframe.span


def test_events_go_on_where_history_ends() -> None:
    source = DemoSource()
    last = [x for x in source.history() if x.timeframe is Timeframe.M1][-1]

    first = next(event for event in source.events() if isinstance(event, Trade))

    assert abs(first.price - last.close) <= Decimal("0.01")


def test_events_are_in_order_and_a_candle_ends_its_minute(
    five_minutes: Sequence[MarketEvent],
) -> None:
    assert all(moment(a) <= moment(b) for a, b in pairwise(five_minutes))
    closed = [event for event in five_minutes if isinstance(event, Candle)]
    assert [candle.close_time for candle in closed] == [
        FIRST_START + n * MINUTE for n in range(1, 6)
    ]
    for candle in closed:
        after = five_minutes[five_minutes.index(candle) + 1 :]
        assert all(moment(event) >= candle.close_time for event in after)


def test_trades_make_the_candles(five_minutes: Sequence[MarketEvent]) -> None:
    for candle in (event for event in five_minutes if isinstance(event, Candle)):
        trades = [
            event
            for event in five_minutes
            if isinstance(event, Trade) and candle.open_time <= event.at < candle.close_time
        ]
        prices = [trade.price for trade in trades]
        assert (prices[0], prices[-1]) == (candle.open, candle.close)
        assert (max(prices), min(prices)) == (candle.high, candle.low)
        assert sum(trade.quantity for trade in trades) == candle.volume


def test_two_books_a_second_are_good_enough_to_trade_on(
    five_minutes: Sequence[MarketEvent],
) -> None:
    books = [event for event in five_minutes if isinstance(event, Book)]

    assert len(books) == 5 * BOOKS_A_MINUTE
    assert all(valid(book) and not book.modelled for book in books)
    good = [x for x in books if spread_bps(x) < SPREAD_MAX and liquidity(x) > LIQUIDITY_MIN]
    assert len(good) > 0.98 * len(books)


def test_trade_numbers_are_consecutive(five_minutes: Sequence[MarketEvent]) -> None:
    numbers = [event.trade_id for event in five_minutes if isinstance(event, Trade)]

    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_ticker_each_second_tells_the_last_price_against_the_day_before(
    five_minutes: Sequence[MarketEvent],
) -> None:
    tickers = [event for event in five_minutes if isinstance(event, Ticker)]
    minutes = {x.open_time: x for day in islice(days(1), 40, 43) for x in candles(day)}

    assert [x.at for x in tickers] == [FIRST_START + n * SECOND + SECOND // 2 for n in range(300)]
    for ticker in tickers:
        traded = [x for x in five_minutes if isinstance(x, Trade) and x.at <= ticker.at]
        assert ticker.last == traded[-1].price
        before = minutes[Nanos(ticker.at // MINUTE * MINUTE - DAY)]
        assert ticker.change == pytest.approx(float(ticker.last / before.open) - 1)


def test_a_mark_price_each_minute_names_the_next_settlement() -> None:
    start = Nanos(FIRST_START + 7 * HOUR - 2 * MINUTE)

    events = until(DemoSource(start=start), start + 4 * MINUTE)

    marks = [event for event in events if isinstance(event, MarkPrice)]

    midnight = int(datetime(2026, 2, 12, tzinfo=UTC).timestamp()) * SECOND
    assert [mark.settles for mark in marks] == [midnight] * 2 + [midnight + PERIOD] * 2
    number = (midnight - EPOCH) // PERIOD
    rates = list(islice(funding_rates(1), number - 1, number + 1))
    assert [mark.rate for mark in marks] == [rates[0]] * 2 + [rates[1]] * 2


@settings(max_examples=8)
@given(st.integers(0, 2 * HOUR), st.integers(0, 3))
def test_a_restart_at_any_time_goes_on_as_if_nothing_had_happened(offset: int, seed: int) -> None:
    start = Nanos(FIRST_START + 7 * HOUR - HOUR + offset)
    whole = DemoSource(seed, Nanos(start // MINUTE * MINUTE - MINUTE))
    end = start + 2 * MINUTE

    again = until(DemoSource(seed, start), end)

    assert again == [event for event in until(whole, end) if _since(event, start)]


def _since(event: MarketEvent, start: Nanos) -> bool:
    return moment(event) >= start and not (isinstance(event, Candle) and moment(event) == start)


def test_a_start_weeks_later_is_the_same_market() -> None:
    later = Nanos(FIRST_START + 20 * DAY)

    history = DemoSource(start=later).history()

    expected = [x for day in islice(days(1), 61, 62) for x in candles(day)]
    minutes = [x for x in history if x.timeframe is Timeframe.M1]
    assert [x for x in minutes if x in expected] == [x for x in expected if x.close_time <= later][
        -INGESTION:
    ]


@pytest.mark.parametrize(("seed", "start"), [(-1, None), (1, EPOCH)])
def test_a_market_that_there_is_not_is_refused(seed: int, start: Nanos | None) -> None:
    with pytest.raises(SettingsInvalid, match="demo market"):
        DemoSource(seed, start)
