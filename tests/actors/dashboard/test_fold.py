import gc
import os
import pickle
from decimal import Decimal
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.dashboard.desk import Desk, Page
from actors.dashboard.fold import TAIL, Fold, Market
from actors.dashboard.layout import compose
from actors.dashboard.lines import in_ascii, width
from actors.dashboard.memory import CANDLES, COURSE_POINTS, Course
from actors.dashboard.svg import as_text
from actors.dashboard.words import sentence
from actors.messages import DashboardInbox, Fetched, Tick
from domain.facts import (
    ActorRestarted,
    BadMessage,
    Closed,
    Decided,
    Decision,
    Fact,
    FeedDown,
    FeedUp,
    Forecasted,
    Gap,
    Noted,
    Ordered,
    OrderRefused,
    Signalled,
)
from domain.horizons import Timeframe
from domain.market import Candle, MarkPrice, Side
from domain.signals import Direction
from domain.units import MINUTE, SECOND, Money, Nanos, Price, Quantity
from tests.actors.dashboard.scenes import (
    NOON,
    a_book,
    a_candle,
    a_fold,
    a_forecast,
    a_marked,
    a_position,
    a_quality,
    a_signal,
    a_ticker,
    a_trade,
    after,
    some_vitals,
)
from tests.builders import a_history
from tests.strategies import facts, messages

desks = st.builds(Desk)


def told(*heard: DashboardInbox) -> Fold:
    fold = Fold()
    for message in heard:
        if isinstance(message, Tick):
            fold.tick(message.now)
        elif isinstance(message, get_args(Fact)):
            fold.fact(message)
        elif isinstance(message, get_args(Market)):
            fold.market(message)
    return fold


@given(st.lists(messages, max_size=30), desks, st.integers(0, 220), st.integers(0, 70))
def test_no_messages_in_any_order_break_the_screen_at_any_size(
    heard: list[DashboardInbox], desk: Desk, columns: int, rows: int
) -> None:
    block = compose(told(*heard).view(), desk, (columns, rows))

    assert len(block) == rows
    assert {width(line) for line in block} <= {columns}
    shown = "".join(span.text for line in block for span in line)
    assert all(char.isprintable() for char in shown)


@settings(max_examples=30)
@given(st.lists(messages, max_size=10))
def test_screen_in_ascii_is_ascii_and_as_wide(heard: list[DashboardInbox]) -> None:
    for line in compose(told(*heard).view(), Desk(), (80, 24)):
        plain = in_ascii(line)

        assert width(plain) == 80
        assert "".join(span.text for span in plain).isascii()


@given(facts)
def test_every_fact_has_a_sentence_in_one_line(fact: Fact) -> None:
    assert sentence(fact).text.isprintable()


def test_last_trade_is_the_price_until_trades_stop() -> None:
    fold = told(a_trade(after(0), "43000"), a_book(after(4), "43100"))
    assert fold.view().quote.price == Decimal(43000)  # type: ignore[union-attr]

    fold.market(a_book(after(6), "43100"))

    assert fold.view().quote.price == Decimal(43100)  # type: ignore[union-attr]


def test_arrow_compares_with_the_price_a_minute_ago() -> None:
    fold = told(*(a_trade(after(second), str(43000 + second)) for second in range(120)))
    assert fold.view().earlier == Decimal(43000 + 119 - 60)
    assert fold.view().drift == 1

    fold.market(a_trade(after(120), "43000"))

    assert fold.view().drift == -1


def test_change_is_the_ticker_s_while_it_is_fresh_and_else_from_the_candles() -> None:
    fold = told(a_forecast(), a_ticker(after(0), change=0.0034), Tick(after(1)))
    assert fold.view().change == 0.0034

    fold.tick(after(600))

    closes = a_forecast().closes[3]
    assert fold.view().change == 43247.82 / closes[-97] - 1


def test_unrealised_gain_follows_the_book_between_two_marks() -> None:
    fold = told(a_marked(after(0), position=a_position()))
    assert fold.view().unrealised == Decimal("1.5598600")

    fold.market(a_book(after(1), "43180"))

    assert fold.view().unrealised == 0


def test_unrealised_gain_follows_the_book_though_the_mark_price_stands() -> None:
    fold = told(
        Tick(after(2)), a_book(after(1), "43180"), a_marked(after(2), position=a_position())
    )
    assert fold.view().unrealised == 0

    fold.tick(after(9))

    assert fold.view().unrealised == Decimal("1.5598600")


def test_position_is_valued_as_of_the_market_s_newest_price_not_of_the_last_tick() -> None:
    fold = told(a_book(after(1)), a_marked(after(30), position=a_position()), Tick(after(30)))
    assert fold.view().valued_at == after(1)

    fold.market(MarkPrice(after(20), Price(Decimal(43_180)), Decimal(0), after(3600)))

    assert fold.view().valued_at == after(20)
    assert told(a_marked(after(30))).view().valued_at == after(30)


def test_flat_account_has_no_unrealised_gain() -> None:
    assert told(a_marked()).view().unrealised is None


def test_risk_is_the_share_of_the_drawdown_limit() -> None:
    assert round(told(a_marked()).view().drawdown_used or 0, 2) == 0.23


def test_troubles_are_counted() -> None:
    fold = a_fold(
        BadMessage(NOON, "btcusdt@trade", "no price"),
        Gap(NOON, Timeframe.M1, 3, 3),
        FeedDown(NOON, "silent"),
        OrderRefused(NOON, "E1", "WIDE_SPREAD", "the spread is wider than 10 bps"),
        ActorRestarted(NOON, "FeedActor", "FeedLost()", 0.2),
    )

    counts = fold.view().counts

    assert (counts.bad_messages, counts.gaps, counts.feed_losses) == (1, 1, 1)
    assert (counts.refusals, counts.restarts) == (1, 1)


def test_order_that_was_canceled_on_purpose_is_no_refusal() -> None:
    fold = a_fold(OrderRefused(NOON, "S1", "CANCELED", "the position is closed"))

    assert fold.view().counts.refusals == 0
    assert fold.view().refused == ()
    assert sentence(fold.view().tail[0]).text == "order canceled: the position is closed"


def test_feed_is_down_until_it_is_up() -> None:
    fold = a_fold(FeedDown(NOON, "silent"))
    assert fold.view().feed_down is not None

    fold.fact(FeedUp(NOON, 3.0))

    assert fold.view().feed_down is None


def test_same_decision_and_same_direction_are_one_event_only() -> None:
    fold = a_fold(
        *(Decided(NOON, Decision.WAITING, "confidence 61.0% is below 70 %") for _ in range(3)),
        *(Signalled(NOON, Direction.LONG, 0.6, 1.0, 0.5) for _ in range(3)),
    )

    assert len(fold.view().tail) == 2


def test_memory_does_not_grow_with_time() -> None:
    fold = a_fold(*(Noted(NOON, str(number)) for number in range(2 * TAIL)))
    price, size = Price(Decimal(1)), Quantity(Decimal(1))
    for minute in range(2 * CANDLES):
        begin = Nanos(NOON + minute * MINUTE)
        fold.market(Candle(Timeframe.M1, begin, price, price, price, price, size))
    for second in range(3 * COURSE_POINTS):
        fold.market(a_marked(after(second)))

    view = fold.view()

    assert len(view.tail) == TAIL
    assert len(view.candles[0]) == CANDLES
    assert len(view.equity) <= COURSE_POINTS


def a_second(fold: Fold, second: int) -> None:
    """What a second of trading tells."""
    now = after(second)
    for message in (a_book(now), a_trade(now), a_quality(now), a_ticker(now), a_marked(now)):
        fold.market(message)
    if second % 60 == 0:
        fold.market(a_candle(second - 60, 43_000 + second % 7))
        fold.fact(Forecasted(now, 80.0, now))
        fold.market(a_forecast(now))
        fold.market(a_signal(now))
    if second % 240 == 0:
        number = f"E{second}"
        price, size = Price(Decimal(43_000)), Quantity(Decimal("0.01"))
        fold.fact(Ordered(now, number, Side.BUY, size, "MARKET", price))
        fold.fact(OrderRefused(now, number, f"CODE{second % 17}", "no"))
        fold.fact(Closed(now, Money(Decimal(1)), "target"))
        fold.fact(ActorRestarted(now, f"Actor{second % 5}", "Error()", 0.1))
    fold.market(some_vitals(now))
    fold.tick(now)


STEP = 1 if os.environ.get("PLASMATRADER_PROOFS") else 4
"""Every second of the eight hours, or in a hurry every fourth."""


def test_eight_virtual_hours_make_neither_the_fold_nor_the_screen_grow() -> None:
    fold, sizes, objects = Fold(), list[int](), list[int]()
    history = tuple(a_history(NOON, CANDLES))
    fold.market(Fetched(NOON, history, len(history), 0.5))

    for hour in range(8):
        for second in range(3600 * hour, 3600 * hour + 3600, STEP):
            a_second(fold, second)
            if second % 60 == 0:
                compose(fold.view(), Desk(page=PAGE_OF[second // 60 % len(PAGE_OF)]), (120, 40))
        sizes.append(len(pickle.dumps(fold._draft)))
        gc.collect()
        objects.append(len(gc.get_objects()))

    # The course of the equity grows to its limit, halves, and grows again.
    assert max(sizes[5:]) < max(sizes[:5]) * 1.1
    assert max(objects[5:]) < max(objects[:5]) * 1.02
    assert fold.view().scores[0].total > 2000


PAGE_OF = tuple(Page)


def test_vitals_are_old_when_they_are_late_for_their_own_pace() -> None:
    fold = told(some_vitals(after(0)), some_vitals(after(20)), Tick(after(55)))
    assert "35s ago" in as_text(compose(fold.view(), Desk(page=Page.SYSTEM), (80, 24)))

    fold.tick(after(85))

    assert "1m old" in as_text(compose(fold.view(), Desk(page=Page.SYSTEM), (80, 24)))


def test_course_keeps_its_whole_span_in_even_steps() -> None:
    course = Course[float](limit=8, step=SECOND)

    for second in range(100):
        course.add(Nanos(second * SECOND), float(second))

    assert course.points == (0.0, 16.0, 32.0, 48.0, 64.0, 80.0, 96.0)
