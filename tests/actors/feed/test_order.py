"""What comes twice, late, never, or cannot be."""

from dataclasses import replace

import pytest

from actors.feed.audit import Audit
from actors.feed.order import (
    AHEAD_MAX,
    GRACE,
    MISSING_MAX,
    STUBBORN,
    BookOrder,
    Disorder,
    TradeOrder,
    check_time,
)
from domain.horizons import Timeframe
from domain.market import Book, Trade
from domain.units import HOUR, MINUTE, SECOND, Nanos
from tests.exchange.handmade import ONE, START, book, candle, price


def numbered(number: int) -> Book:
    return replace(book(START), update_id=number)


def trade(number: int, at: int = START) -> Trade:
    return Trade(Nanos(at), number, price(at), ONE, buyer_is_maker=True)


def test_books_pass_in_the_order_of_their_numbers_each_once() -> None:
    order = BookOrder()

    passed = [number for number in (5, 5, 7, 6, 9, 7) if order.new(numbered(number))]

    assert passed == [5, 7, 9]


def test_book_with_a_wild_number_does_not_shut_out_all_later_ones() -> None:
    order = BookOrder()
    order.new(numbered(10**18))

    passed = [number for number in range(1, 200) if order.new(numbered(number))]

    assert passed[0] <= STUBBORN + 2
    assert passed[-1] == 199


def test_late_trade_is_taken_once_and_is_not_missing_any_more() -> None:
    order = TradeOrder()

    new = [order.new(trade(number), now=0.0) for number in (1, 4, 3, 3, 1)]

    assert new == [True, True, True, False, False]
    assert order.overdue(GRACE / 2) == []
    assert order.overdue(GRACE) == [(2, 2)]
    assert order.whole


def test_missing_trades_are_asked_for_as_ranges_once() -> None:
    order = TradeOrder()
    for number in (1, 4, 5, 9):
        order.new(trade(number), now=0.0)

    assert not order.whole
    assert order.overdue(1.0) == [(2, 3), (6, 8)]
    assert order.overdue(2.0) == []


def test_only_the_newest_of_very_many_missing_trades_are_remembered() -> None:
    order = TradeOrder()
    order.new(trade(1), now=0.0)
    order.new(trade(100_000), now=0.0)

    ((first, last),) = order.overdue(1.0)

    assert (last, last - first + 1) == (99_999, MISSING_MAX)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [(trade(10**15), "number is far ahead"), (trade(2, START - HOUR), "time is long before")],
)
def test_trade_that_cannot_be_is_refused_until_it_has_been_said_often(
    wrong: Trade, reason: str
) -> None:
    order = TradeOrder()
    order.new(trade(1), now=0.0)

    for _ in range(STUBBORN - 1):
        with pytest.raises(Disorder, match=reason):
            order.new(wrong, now=0.0)

    assert order.new(wrong, now=0.0)
    assert order.new(replace(wrong, trade_id=wrong.trade_id + 1), now=0.0)


def test_event_may_be_dated_a_little_ahead_and_no_more() -> None:
    check_time(Nanos(START + AHEAD_MAX), START)

    with pytest.raises(Disorder, match="3600 s ahead"):
        check_time(Nanos(START + HOUR), START)


def audited(seconds: range) -> Audit:
    """Saw the trades of these seconds, connected just before START."""
    audit = Audit()
    audit.lose(Nanos(START - 1))
    for second in seconds:
        audit.trade(trade(second, START + second * SECOND))
    return audit


def test_candle_is_what_its_trades_add_up_to() -> None:
    audit = audited(range(60))
    whole = candle(Timeframe.M1, START)

    assert audit.agrees(whole)
    assert not audit.agrees(replace(whole, high=price(START, plus=99)))
    assert not audited(range(59)).agrees(whole)


def test_minute_in_which_the_line_broke_is_not_vouched_for() -> None:
    audit = audited(range(60))
    audit.lose(Nanos(START + 30 * SECOND))

    assert not audit.agrees(candle(Timeframe.M1, START))


def test_minute_without_trades_has_a_candle_without_volume() -> None:
    audit = audited(range(60))
    quiet = candle(Timeframe.M1, START + MINUTE)

    assert audit.agrees(replace(quiet, volume=type(ONE)(ONE - ONE)))
    assert not audit.agrees(quiet)
