from dataclasses import replace
from decimal import Decimal

import pytest

from domain.facts import Liquidity
from domain.instrument import BTCUSDT, Band, Instrument
from domain.life import STEPS, Status, ended, stepped
from domain.market import Book, Side, Trade
from domain.orders import ORDER_AGE_MAX, Force, Kind, Order
from domain.queue import joined, refreshed, served
from domain.rejects import Standing
from domain.units import SECOND, Money, Nanos
from domain.venue import (
    Change,
    Execution,
    Outcome,
    Stage,
    Venue,
    Working,
    amending,
    arrive,
    attempt,
    cancelling,
    heard,
    next_due,
    sent,
    traded,
)
from domain.venue import resting as taken_up
from tests.builders import NOON, a_book, a_trade, an_order, money, price, quantity

RICH = Standing(quantity("1000000"), money(10**12))


def a_limit(level: str, force: Force = Force.GTC, side: Side = Side.BUY, size: str = "1") -> Order:
    order = an_order(side=side, size=size)
    return replace(order, kind=Kind.LIMIT, force=force, level=price(level))


def a_stop(level: str, kind: Kind = Kind.STOP_MARKET, size: str = "1") -> Order:
    order = an_order(side=Side.SELL, size=size, closes=True)
    return replace(order, kind=kind, level=price(level))


def met(order: Order, book: Book, us: Standing = RICH, *, rules: Instrument = BTCUSDT) -> Outcome:
    """The order arrives at this book, and makes of it what it can."""
    venue = sent(Venue(book, rules=rules), order, NOON)
    outcome = arrive(venue, venue.working[0], us)
    if outcome.code:
        return outcome
    return attempt(outcome.venue, outcome.working, us.room, NOON) or outcome


def filled(outcome: Outcome) -> list[tuple[str, str]]:
    return [(str(x.price), str(x.quantity)) for x in outcome.executions]


def test_step_that_the_table_does_not_have_is_a_bug() -> None:
    assert stepped(Status.ACCEPTED, Status.FILLED) is Status.FILLED

    with pytest.raises(AssertionError, match="from FILLED to CANCELED"):
        stepped(Status.FILLED, Status.CANCELED)


def test_every_status_can_be_reached_and_every_life_ends() -> None:
    assert {to for steps in STEPS.values() for to in steps} | {Status.NEW} == set(Status)
    assert all(ended(to) or any(ended(x) for x in STEPS[to]) for to in Status)


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        (a_limit("99.995"), "-1013", "PRICE_FILTER"),
        (an_order(size="0.5000001"), "-1013", "LOT_SIZE"),
        (a_limit("19.99"), "-1013", "PERCENT_PRICE"),
        (an_order(size="0.049"), "-4164", "no smaller than 5"),
        (an_order(size="60"), "-2019", "Margin is insufficient"),
        (an_order(size="0.5", closes=True), "-2022", "ReduceOnly"),
        (a_limit("100.01", Force.GTX), "-5022", "Post Only"),
        (a_limit("100.01", Force.FOK, size="1.5"), "-5021", "FOK"),
    ],
)
def test_order_that_the_venue_refuses_comes_back_in_binances_words(
    order: Order, code: str, words: str
) -> None:
    outcome = met(order, a_book(size="1"), Standing(quantity("0"), money(5000)))

    assert (outcome.code, outcome.working.status) == (code, Status.REJECTED)
    assert words in outcome.reason
    assert outcome.venue.working == ()


def test_stop_that_would_trigger_at_once_is_refused() -> None:
    assert met(a_stop("99.99"), a_book()).code == "-2021"
    assert met(a_stop("99.98"), a_book()).code == ""


def test_limit_order_takes_up_to_its_price_and_rests_with_the_rest() -> None:
    outcome = met(a_limit("100.02", size="3"), a_book(size="1"))

    assert filled(outcome) == [("100.01", "1"), ("100.02", "1")]
    (resting,) = outcome.venue.working
    assert (resting.stage, resting.left) == (Stage.RESTS, quantity("1"))
    assert resting.status is Status.PARTIALLY_FILLED


def test_rest_of_an_immediate_order_expires() -> None:
    outcome = met(a_limit("100.02", Force.IOC, size="3"), a_book(size="1"))

    assert len(outcome.executions) == 2
    assert (outcome.working.status, outcome.working.left) == (Status.EXPIRED, quantity("1"))


def test_fill_or_kill_order_takes_all_where_all_is_there() -> None:
    outcome = met(a_limit("100.02", Force.FOK, size="2"), a_book(size="1"))

    assert outcome.working.status is Status.FILLED


def test_what_we_took_stays_taken_until_the_book_has_refreshed_past_it() -> None:
    first = met(an_order(size="1"), a_book(size="1"))

    again = heard(first.venue, a_book(at=NOON + 1, size="1"))
    assert [x.quantity for x in again.taken] == [1]
    second = met_again(again, an_order(key="E2", size="1"))
    assert filled(second) == [("100.02", "1")]

    past = heard(second.venue, a_book(at=NOON + 2, bid="100.01", ask="100.02", size="1"))
    assert [str(x.price) for x in past.taken] == ["100.02"]


def met_again(venue: Venue, order: Order) -> Outcome:
    travelling = sent(venue, order, NOON)
    outcome = arrive(travelling, travelling.working[-1], RICH)
    found = attempt(outcome.venue, outcome.working, RICH.room, NOON)
    assert found is not None
    return found


def test_level_that_the_market_itself_ate_pays_our_share_back_first() -> None:
    first = met(an_order(size="1"), a_book(size="3"))

    eaten = heard(first.venue, a_book(at=NOON + 1, size="2"))
    grown = heard(eaten, a_book(at=NOON + 2, size="9"))

    assert (eaten.taken, grown.taken) == ((), ())


@pytest.mark.parametrize(
    "book",
    [
        a_book(at=NOON - 2 * SECOND - 1),
        a_book(bid="100.02", ask="100.01"),
        Book(NOON, (), a_book().asks),
    ],
    ids=["stale", "crossed", "one-sided"],
)
def test_stale_or_broken_book_fills_nothing(book: Book) -> None:
    venue = Venue(book, (Working(an_order(), NOON, quantity("1"), Status.ACCEPTED, Stage.TAKES),))

    assert attempt(venue, venue.working[0], RICH.room, NOON) is None
    late = attempt(venue, venue.working[0], RICH.room, Nanos(NOON + ORDER_AGE_MAX + 1))
    assert late is not None
    assert late.working.status is Status.EXPIRED


def test_market_order_expires_where_the_first_usable_book_comes_too_late() -> None:
    late = a_book(at=NOON + ORDER_AGE_MAX + 1)

    outcome = met(an_order(), late)

    assert (outcome.working.status, outcome.executions) == (Status.EXPIRED, ())


def test_resting_order_meets_no_book_of_long_before_it_arrived() -> None:
    venue = taken_up(Venue(), a_limit("101"), Nanos(NOON + 3 * SECOND), RICH.room)

    seen = replace(venue, book=a_book(at=NOON))

    assert attempt(seen, seen.working[0], RICH.room, NOON) is None


def test_queue_moves_up_by_trades_and_by_its_share_of_cancellations() -> None:
    queue = joined(a_book(size="10"), Side.BUY, price("99.99"))
    assert queue is not None

    queue, reached = served(queue, quantity("4"))
    assert (queue.ahead, reached) == (quantity("6"), quantity("0"))
    # Others joined behind us and half of the twelve that stood there then left.
    queue = refreshed(refreshed(queue, quantity("12")), quantity("6"))

    assert queue.ahead == 3
    assert served(queue, quantity("5"))[1] == 2


def test_resting_order_is_filled_when_trades_have_eaten_through_its_queue() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book(size="10")).venue

    short = traded(venue, venue.working[0], sold("99.99", "10"), RICH.room)
    assert short is not None
    assert short.executions == ()
    part = traded(short.venue, short.working, sold("99.99", "0.4"), RICH.room)

    assert part is not None
    assert part.executions == (Execution(NOON, price("99.99"), quantity("0.4"), Liquidity.MAKER),)
    assert part.working.status is Status.PARTIALLY_FILLED


def test_only_an_order_that_closes_is_bound_by_the_position() -> None:
    resting = a_limit("99.99", Force.GTX)
    opens = met(resting, a_book(size="10")).venue
    closes = met(replace(resting, plan=None), a_book(size="10")).venue
    through, none = sold("99.98", "5"), quantity("0")

    filled_wholly = traded(opens, opens.working[0], through, none)
    untouched = traded(closes, closes.working[0], through, none)

    assert filled_wholly is not None
    assert filled_wholly.working.status is Status.FILLED
    assert untouched is not None
    assert untouched.executions == ()


def sold(at: str, size: str) -> Trade:
    """A trade in which the seller crossed the spread."""
    return replace(a_trade(size=size), price=price(at), buyer_is_maker=True)


def test_fill_of_a_resting_order_is_a_multiple_of_the_lot() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book(size="10")).venue
    # A third of the queue was cancelled, and a third of that was ahead of us.
    thinner = heard(heard(venue, a_book(at=NOON + 1, size="30")), a_book(at=NOON + 2, size="20"))
    late = replace(sold("99.99", "6.7"), at=Nanos(NOON + 2))

    part = traded(thinner, thinner.working[0], late, RICH.room)

    assert part is not None
    assert filled(part) == [("99.99", "0.03333")]


def test_resting_order_is_filled_wholly_when_the_market_trades_through_its_price() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book(size="10")).venue

    outcome = traded(venue, venue.working[0], sold("99.98", "0.001"), RICH.room)

    assert outcome is not None
    assert filled(outcome) == [("99.99", "1")]
    assert outcome.working.status is Status.FILLED


def test_buyers_who_lift_the_offer_do_not_serve_a_resting_bid() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book(size="1")).venue
    bought = replace(sold("99.99", "50"), buyer_is_maker=False)

    outcome = traded(venue, venue.working[0], bought, RICH.room)

    assert outcome is not None
    assert outcome.executions == ()


def test_order_out_of_sight_takes_its_place_behind_all_that_it_then_sees() -> None:
    venue = met(a_limit("99.50", Force.GTX), a_book(size="10")).venue
    assert venue.working[0].queue is None

    lower = heard(venue, a_book(at=NOON + 1, bid="99.52", ask="99.54", size="7"))

    queue = lower.working[0].queue
    assert queue is not None
    assert queue.ahead == 7


def test_resting_order_is_filled_at_its_own_price_when_the_other_side_comes_to_it() -> None:
    venue = met(a_limit("99.99", Force.GTX, size="3"), a_book(size="10")).venue

    down = heard(venue, a_book(at=NOON + 1, bid="99.97", ask="99.98", size="1"))
    outcome = attempt(down, down.working[0], RICH.room, Nanos(NOON + 1))

    assert outcome is not None
    assert filled(outcome) == [("99.99", "2")]
    again = attempt(outcome.venue, outcome.working, RICH.room, Nanos(NOON + 1))
    assert again is None


@pytest.mark.parametrize(
    ("kind", "level", "bid", "triggers"),
    [
        (Kind.STOP_MARKET, "99", "99.01", False),
        (Kind.STOP_MARKET, "99", "99.00", True),
        (Kind.TAKE_PROFIT_MARKET, "101", "100.99", False),
        (Kind.TAKE_PROFIT_MARKET, "101", "101.00", True),
    ],
)
def test_trigger_is_the_price_at_which_we_could_get_out(
    kind: Kind, level: str, bid: str, *, triggers: bool
) -> None:
    venue = met(a_stop(level, kind), a_book()).venue
    ask = str(Decimal(bid) + Decimal("0.02"))

    moved = heard(venue, a_book(at=NOON + 1, bid=bid, ask=ask))
    outcome = attempt(moved, moved.working[0], RICH.room, Nanos(NOON + 1))

    assert (outcome is not None) is triggers


def test_cancellation_can_lose_the_race() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book(size="1")).venue
    racing = cancelling(venue, "E1", Nanos(NOON + 100), "no more")

    won = traded(racing, racing.working[0], sold("99.98", "1"), RICH.room)
    assert won is not None
    assert (won.working.status, next_due(won.venue)) == (Status.FILLED, None)

    due = next_due(racing)
    assert due is not None
    assert due[0] == NOON + 100
    lost = arrive(racing, due[1], RICH)
    assert (lost.working.status, lost.reason) == (Status.CANCELED, "no more")


def test_order_larger_than_the_wallet_by_its_fee_alone_is_refused() -> None:
    order = an_order(size="10")

    assert met(order, a_book(), Standing(quantity("0"), Money(Decimal("1000.50")))).code == "-2019"
    assert met(order, a_book(), Standing(quantity("0"), Money(Decimal("1000.51")))).code == ""


def test_limit_price_stays_within_the_bounds_of_its_side() -> None:
    near, far = Band(Decimal("0.9"), Decimal("1.1")), Band(Decimal("0.5"), Decimal(2))
    rules = replace(BTCUSDT, buys=near, sells=far)
    bought, sold_off = a_limit("89.99"), a_limit("110.01", side=Side.SELL)

    assert met(bought, a_book(), rules=rules).code == "-1013"
    assert met(a_limit("90.00"), a_book(), rules=rules).code == ""
    assert met(sold_off, a_book(), rules=rules).code == ""


def changed(outcome: Outcome, level: str, size: str) -> Outcome:
    """The order that rests is amended, and the amendment arrives."""
    key, change = outcome.working.order.id, Change(NOON, price(level), quantity(size))
    venue = amending(outcome.venue, key, change)
    due = next_due(venue)
    assert due is not None
    return arrive(venue, due[1], RICH)


def test_amended_order_stands_at_its_new_price_at_the_end_of_the_queue() -> None:
    first = met(a_limit("99.98", Force.GTX, size="3"), a_book(size="10"))

    outcome = changed(first, "99.99", "2")
    rests = attempt(outcome.venue, outcome.working, RICH.room, NOON)

    assert rests is not None
    (working,) = rests.venue.working
    assert (working.order.level, working.left, working.stage) == (
        price("99.99"),
        quantity("2"),
        Stage.RESTS,
    )
    assert working.queue == joined(a_book(size="10"), Side.BUY, price("99.99"))


def test_order_amended_to_a_price_that_takes_takes() -> None:
    outcome = changed(met(a_limit("99.98"), a_book(size="10")), "100.01", "1")

    taken = attempt(outcome.venue, outcome.working, RICH.room, NOON)

    assert taken is not None
    assert filled(taken) == [("100.01", "1")]
    assert taken.working.status is Status.FILLED


@pytest.mark.parametrize(
    ("order", "level", "size", "code"),
    [
        (a_limit("99.98"), "99.995", "1", "-1013"),
        (a_limit("99.98"), "99.99", "0.000001", "-1013"),
        (a_limit("99.98"), "99.99", "0.01", "-4164"),
        (a_limit("99.98"), "99.98", "1", "-5027"),
        (a_stop("99"), "98", "1", "-5025"),
    ],
)
def test_amendment_that_the_venue_refuses_leaves_the_order_as_it_was(
    order: Order, level: str, size: str, code: str
) -> None:
    first = met(order, a_book())

    outcome = changed(first, level, size)

    assert outcome.code == code
    assert outcome.venue.working == first.venue.working


def test_amendment_to_what_is_filled_already_ends_the_order() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book(size="10")).venue
    part = traded(venue, venue.working[0], sold("99.99", "10.4"), RICH.room)
    assert part is not None

    outcome = changed(part, "99.98", "0.4")

    assert outcome.working.status is Status.CANCELED
    assert outcome.venue.working == ()


def test_post_only_order_amended_to_a_price_that_would_take_is_cancelled() -> None:
    outcome = changed(met(a_limit("99.98", Force.GTX), a_book()), "100.01", "1")

    assert (outcome.working.status, outcome.executions) == (Status.CANCELED, ())


def test_filled_part_stays_when_a_post_only_order_can_rest_no_more() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book(size="10")).venue
    part = traded(venue, venue.working[0], sold("99.99", "10.4"), RICH.room)
    assert part is not None

    # The book at which the amendment arrives cannot be used, and the next one is through the price.
    stale = replace(part, venue=replace(part.venue, book=a_book(at=NOON - 3 * SECOND)))
    amended = changed(stale, "99.98", "1")
    down = heard(amended.venue, a_book(at=NOON, bid="99.96", ask="99.97"))
    outcome = attempt(down, down.working[0], RICH.room, NOON)

    assert outcome is not None
    assert (outcome.working.status, outcome.code) == (Status.CANCELED, "-5022")


def test_fill_can_be_quicker_than_an_amendment() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book(size="1")).venue
    racing = amending(venue, "E1", Change(Nanos(NOON + 100), price("99.98"), quantity("1")))

    won = traded(racing, racing.working[0], sold("99.98", "1"), RICH.room)

    assert won is not None
    assert (won.working.status, next_due(won.venue)) == (Status.FILLED, None)


def test_earlier_of_cancellation_and_amendment_is_met_first() -> None:
    venue = met(a_limit("99.99", Force.GTX), a_book()).venue
    both = amending(
        cancelling(venue, "E1", Nanos(NOON + 200), "no more"),
        "E1",
        Change(Nanos(NOON + 100), price("99.98"), quantity("1")),
    )

    first = next_due(both)
    assert first is not None
    assert first[0] == NOON + 100
    amended = arrive(both, first[1], RICH)
    second = next_due(amended.venue)

    assert second is not None
    assert second[0] == NOON + 200
    assert arrive(amended.venue, second[1], RICH).working.status is Status.CANCELED
