"""Any orders against any market, made up or recorded: what must always be true."""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.instrument import BTCUSDT
from domain.market import Book, Level, Side, Trade
from domain.orders import Force, Kind, Order
from domain.rejects import Standing
from domain.units import Nanos, Price, Quantity
from domain.venue import (
    Change,
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
from tests.benchmarks.venue_peers import session
from tests.builders import NOON, an_order, money, quantity
from tests.invariants import Orders, check_step, check_venue
from tests.program import ran
from tests.shared import shared

STREAM = "streams/spot_2024-08-08"

ticks = st.integers(9_900, 10_100)
sizes = st.integers(1, 300).map(lambda n: Quantity(Decimal(n) / 100))


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Any valid book of up to five levels around 100."""
    bid = draw(ticks)
    ask = bid + draw(st.integers(1, 5))
    bids = [Level(Price(Decimal(bid - n) / 100), draw(sizes)) for n in range(draw(levels))]
    asks = [Level(Price(Decimal(ask + n) / 100), draw(sizes)) for n in range(draw(levels))]
    return Book(NOON, tuple(bids), tuple(asks))


levels = st.integers(1, 5)
trades = st.builds(
    Trade,
    at=st.just(NOON),
    trade_id=st.just(1),
    price=ticks.map(lambda n: Price(Decimal(n) / 100)),
    quantity=sizes,
    buyer_is_maker=st.booleans(),
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    kind = draw(st.sampled_from(Kind))
    level = None if kind is Kind.MARKET else Price(Decimal(draw(ticks)) / 100)
    return replace(
        an_order(key=str(draw(st.integers(0, 10**9))), closes=draw(st.booleans())),
        side=draw(st.sampled_from(Side)),
        quantity=draw(sizes),
        kind=kind,
        force=draw(st.sampled_from(Force)),
        level=level,
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """To cancel one of our orders, or to amend it by so much; it arrives at once."""

    number: int
    away: int
    times: Decimal
    at: Nanos = NOON
    cancels: bool = False


wishes = st.builds(
    Wish,
    number=st.integers(0, 5),
    away=st.integers(-30, 30),
    times=st.sampled_from([Decimal(1), Decimal("0.5"), Decimal(2)]),
    at=st.just(NOON),
    cancels=st.booleans(),
)


class Invariants:
    """A venue whose every step is checked."""

    def __init__(self, book: Book) -> None:
        self.venue = Venue(book)
        self.now = book.at
        self.orders = Orders()

    def hear(self, event: Book | Trade | Order | Wish) -> None:
        """Let it happen, and let everything that is at the venue make of it what it can."""
        room = quantity("1")
        self.now = max(self.now, event.at)
        if isinstance(event, Book):
            self.venue = heard(self.venue, event)
            check_venue(self.venue)
        elif isinstance(event, Wish):
            self.wish(event)
        elif isinstance(event, Order):
            if event.id in self.orders.asked:
                return
            self.venue = sent(self.venue, event, self.now)
            self.arrive(self.venue.working[-1])
        for working in self.venue.working:
            if isinstance(event, Trade):
                self.check(traded(self.venue, working, event, room), event)
            else:
                self.check(attempt(self.venue, working, room, self.now))

    def wish(self, wish: Wish) -> None:
        """What rests is amended or cancelled; what is on its way cannot be."""
        stands = [x for x in self.venue.working if x.stage in {Stage.RESTS, Stage.WAITS}]
        if not stands:
            return
        order = stands[wish.number % len(stands)].order
        if wish.cancels:
            self.venue = cancelling(self.venue, order.id, self.now, "changed our mind")
        else:
            assert order.level is not None
            level = Price(order.level + wish.away * BTCUSDT.tick)
            size = Quantity((order.quantity * wish.times).quantize(BTCUSDT.lot))
            self.venue = amending(self.venue, order.id, Change(self.now, level, size))
        due = next_due(self.venue)
        assert due is not None
        self.arrive(due[1])

    def arrive(self, working: Working) -> None:
        """A message of ours reaches the venue."""
        self.check(arrive(self.venue, working, Standing(quantity("1"), money(10**9))))

    def check(self, outcome: Outcome | None, trade: Trade | None = None) -> None:
        """What came of it, if anything did, was allowed."""
        if outcome is not None:
            check_step(self.venue, outcome, trade)
            self.orders.check(outcome)
            self.venue = outcome.venue


@cache
def market() -> list[Book | Trade]:
    """Books and trades of a recorded session, in the order in which they came."""
    books, others = session(shared(STREAM))
    both: list[Book | Trade] = [*books, *others]
    return sorted(both, key=lambda event: event.at)


@settings(max_examples=60)
@given(
    start=st.integers(0, 20_000),
    asked=st.lists(
        st.tuples(st.integers(1, 8), st.integers(-300, 300), orders() | wishes), max_size=12
    ),
)
def test_any_orders_against_the_recorded_market_keep_every_invariant(
    start: int, asked: list[tuple[int, int, Order | Wish]]
) -> None:
    events = market()[start:]
    first = next(n for n, event in enumerate(events) if isinstance(event, Book))
    book = events[first]
    assert isinstance(book, Book)
    checked, rest = Invariants(book), iter(events[first + 1 :])

    for later, away, order in asked:
        for _, event in zip(range(later * 5), rest, strict=False):
            checked.hear(event)
        assert checked.venue.book is not None
        if isinstance(order, Wish):
            checked.hear(order)
            continue
        level = Price(checked.venue.book.best_bid + away * BTCUSDT.tick)
        checked.hear(replace(order, at=checked.now, level=level if order.level else None))


def test_program_keeps_every_invariant_while_it_trades() -> None:
    run = ran("--demo", "10m", module="tests.benchmarks.venue_proof")

    assert (run.status, run.err) == (0, "")
    name, status, steps, fills, *_, verdict = run.out.splitlines()[-1].strip("| ").split(" | ")
    assert (name, status, verdict) == ("demo", "0", "clean")
    assert int(steps) > int(fills) > 0


@settings(max_examples=150)
@given(first=books(), events=st.lists(st.one_of(books(), trades, orders(), wishes), max_size=25))
def test_any_orders_against_any_market_keep_every_invariant(
    first: Book, events: list[Book | Trade | Order | Wish]
) -> None:
    checked = Invariants(first)

    for event in events:
        checked.hear(event)
