"""Which address is used when, and what a flood or a silence is."""

from actors.actor import Address
from actors.feed.circuits import PAUSE_MAX, Circuits, State
from actors.feed.outlet import TRADES_AT_ONCE, WAITING_MAX, Outlet
from actors.feed.timing import Timing
from actors.feed.watchdog import Believability, Watchdog
from actors.messages import FeedInbox
from domain.market import Book, Ticker, Trade
from domain.units import Nanos
from tests.exchange.handmade import ONE, START, book, price
from tests.fakes import Outbox

A, B = "wss://a", "wss://b"


def test_circuit_opens_after_three_failures_and_lets_one_probe_through_later() -> None:
    circuits = Circuits((A, B), pause=30.0)

    opened = [circuits.fail(A, now=0.0) for _ in range(3)]

    assert opened == [False, False, True]
    assert circuits.state(A, 29.0) is State.OPEN
    assert circuits.order(29.0) == (B,)
    assert circuits.state(A, 30.0) is State.HALF_OPEN
    assert circuits.order(30.0) == (B, A)
    assert circuits.order(30.0, home=True) == (A, B)


def test_failed_probe_opens_the_circuit_for_twice_as_long() -> None:
    circuits = Circuits((A,), pause=30.0)
    circuits.fail(A, 0.0, hard=True)

    assert circuits.fail(A, 30.0)
    assert circuits.pause(A) == 60.0
    for now in range(1000, 30_000, 1000):
        circuits.fail(A, float(now))
    assert circuits.pause(A) == PAUSE_MAX


def test_success_closes_the_circuit_and_is_news_only_then() -> None:
    circuits = Circuits((A, B), pause=30.0)
    circuits.fail(A, 0.0, hard=True)

    assert circuits.succeed(A)
    assert not circuits.succeed(A)
    assert circuits.state(A, 0.0) is State.CLOSED


def test_address_that_worked_last_is_kept_until_it_fails() -> None:
    circuits = Circuits((A, B), pause=30.0)
    circuits.succeed(B)

    assert circuits.order(0.0) == (B, A)
    circuits.fail(B, 0.0)
    assert circuits.order(0.0) == (A, B)


def test_where_all_circuits_are_open_the_next_one_due_is_tried_first() -> None:
    circuits = Circuits((A, B), pause=30.0)
    circuits.fail(A, 5.0, hard=True)
    circuits.fail(B, 0.0, hard=True)

    assert circuits.order(6.0) == (B, A)


def test_backoff_doubles_to_a_minute_and_leaves_a_quarter_to_chance() -> None:
    waits = [Timing().before_try(number, luck=1.0) for number in range(1, 9)]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert Timing().before_try(8, luck=0.0) == 45


def test_one_silent_stream_among_others_is_named() -> None:
    dog = Watchdog({"btcusdt@depth5@100ms": 5.0, "btcusdt@ticker": 10.0})
    dog.begin(0.0)
    dog.hear("btcusdt@depth5@100ms", 9.0)

    assert dog.silent(9.9) == ""
    assert dog.silent(10.0) == "no ticker for 10 s"


def test_few_bad_frames_among_many_are_put_up_with_and_a_flood_is_not() -> None:
    believable = Believability()

    assert not any(believable.count(good=10, bad=1) for _ in range(1000))
    assert [believable.count(good=0, bad=25) for _ in range(2)] == [False, True]


class Busy(Address[FeedInbox]):
    """An address whose resident has as much to do as the test says."""

    load = 0

    @property
    def waiting(self) -> int:
        return self.load


def a_trade(number: int) -> Trade:
    return Trade(START, number, price(START), ONE, buyer_is_maker=number % 2 == 0)


def test_busy_feed_gets_the_newest_book_and_all_the_volume_when_it_has_time() -> None:
    feed, heard = Busy(), Outbox()
    feed.move_to(heard)
    outlet = Outlet(feed)
    feed.load = WAITING_MAX + 1

    for number in range(10_000):
        outlet.put(a_trade(number))
        outlet.put(book(START + number))
        outlet.put(Ticker(Nanos(START + number), price(START), 0.0))
        if number % 10 == 0:
            outlet.flush()
    assert heard.told == []
    feed.load = 0
    outlet.flush()

    assert len(heard.of(Trade)) == 2
    assert sum(trade.quantity for trade in heard.of(Trade)) == 10_000 * ONE
    assert [one.at for one in heard.of(Book)] == [START + 9_999]
    assert len(heard.of(Ticker)) == 1


def test_few_trades_pass_one_by_one() -> None:
    heard = Outbox()
    outlet = Outlet(heard)
    trades = [a_trade(number) for number in range(TRADES_AT_ONCE)]
    for trade in trades:
        outlet.put(trade)

    outlet.flush()

    assert heard.told == trades
