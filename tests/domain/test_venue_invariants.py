"""Any orders against any market, made up or recorded: what must always be true."""

from dataclasses import replace
from decimal import Decimal
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from domain.facts import Liquidity
from domain.instrument import BTCUSDT
from domain.life import Status, ended
from domain.market import Book, Level, Side, Trade
from domain.orders import Force, Kind, Order
from domain.rejects import Standing
from domain.units import Nanos, Price, Quantity
from domain.venue import Outcome, Venue, arrive, attempt, heard, sent, traded
from tests.benchmarks.venue_peers import recorded
from tests.builders import NOON, an_order, money, quantity
from tests.shared import shared

STREAM = "streams/spot_2024-08-08/spot_BTCUSDT_"

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


class Invariants:
    """A venue whose every step is checked."""

    def __init__(self, book: Book) -> None:
        self.venue = Venue(book)
        self.now = book.at
        self.asked: dict[str, Decimal] = {}
        self.got: dict[str, Decimal] = {}

    def hear(self, event: Book | Trade | Order) -> None:
        room = quantity("1")
        self.now = max(self.now, event.at)
        if isinstance(event, Book):
            self.venue = heard(self.venue, event)
        elif isinstance(event, Order):
            if event.id in self.asked:
                return
            self.asked[event.id], self.got[event.id] = event.quantity, Decimal(0)
            self.venue = sent(self.venue, event, self.now)
            us = Standing(room, money(10**9))
            self.check(arrive(self.venue, self.venue.working[-1], BTCUSDT, us), None)
        for working in self.venue.working:
            if isinstance(event, Trade):
                self.check(traded(self.venue, working, event, room), event)
            else:
                self.check(attempt(self.venue, working, room, self.now), None)

    def check(self, outcome: Outcome | None, trade: Trade | None) -> None:
        if outcome is None:
            return
        order, got = outcome.working.order, Decimal(0)
        assert self.venue.book is not None
        seen = self.venue.book.asks if order.side is Side.BUY else self.venue.book.bids
        for execution in outcome.executions:
            got += execution.quantity
            assert execution.quantity > 0
            if order.kind is Kind.LIMIT:
                assert order.level is not None
                assert (order.level - execution.price) * order.side.sign >= 0
            if execution.liquidity is Liquidity.TAKER:
                assert (execution.price - seen[0].price) * order.side.sign >= 0
        through = trade is not None and trade.price != order.level
        made = [x for x in outcome.executions if x.liquidity is Liquidity.MAKER]
        if trade is not None and made and not through:
            assert got <= trade.quantity
        if trade is None:
            assert got <= sum((level.quantity for level in seen), Decimal(0))
        self.got[order.id] += got
        assert self.got[order.id] <= self.asked[order.id]
        assert outcome.working.left <= self.asked[order.id] - self.got[order.id]
        if not order.closes and outcome.working.status is not Status.REJECTED:
            assert outcome.working.left == self.asked[order.id] - self.got[order.id]
        self.venue = outcome.venue
        self.check_venue()

    def check_venue(self) -> None:
        assert self.venue.book is not None
        for working in self.venue.working:
            assert not ended(working.status)
            if working.queue is not None:
                assert 0 <= working.queue.ahead <= working.queue.shown
        taken = {(x.side, x.price): x for x in self.venue.taken}
        for side, seen in ((Side.BUY, self.venue.book.asks), (Side.SELL, self.venue.book.bids)):
            for level in seen:
                missing = taken.get((side, level.price))
                assert missing is None or 0 < missing.quantity <= level.quantity


@cache
def session() -> list[Book | Trade]:
    """Books and trades of a recorded session, in the order in which they came."""
    books = recorded(shared(f"{STREAM}depth5.parquet"))
    rows = parquet.read_table(shared(f"{STREAM}trades.parquet")).to_pylist()
    trades = [
        Trade(
            Nanos(row["local_ts_ns"]),
            row["trade_id"],
            Price(Decimal(str(row["price"]))),
            Quantity(Decimal(str(row["qty"]))),
            row["is_buyer_maker"],
        )
        for row in rows
    ]
    return sorted([*books, *trades], key=lambda event: event.at)


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, 20_000),
    asked=st.lists(st.tuples(st.integers(1, 8), st.integers(-300, 300), orders()), max_size=12),
)
def test_any_orders_against_the_recorded_market_keep_every_invariant(
    start: int, asked: list[tuple[int, int, Order]]
) -> None:
    events = session()[start:]
    first = next(n for n, event in enumerate(events) if isinstance(event, Book))
    book = events[first]
    assert isinstance(book, Book)
    checked, rest = Invariants(book), iter(events[first + 1 :])

    for later, away, order in asked:
        for _, event in zip(range(later * 5), rest, strict=False):
            checked.hear(event)
        assert checked.venue.book is not None
        level = Price(checked.venue.book.best_bid + away * BTCUSDT.tick)
        checked.hear(replace(order, at=checked.now, level=level if order.level else None))


@settings(max_examples=150, deadline=None)
@given(first=books(), events=st.lists(st.one_of(books(), trades, orders()), max_size=25))
def test_any_orders_against_any_market_keep_every_invariant(
    first: Book, events: list[Book | Trade | Order]
) -> None:
    checked = Invariants(first)

    for event in events:
        checked.hear(event)
