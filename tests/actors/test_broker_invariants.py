"""Any market and any orders through the broker: its books, stores and venue always agree."""

from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import lmdb
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.broker import Books, BrokerActor
from actors.messages import Begin, Tick
from domain.audit import audit
from domain.instrument import BTCUSDT
from domain.market import Book, Level, MarkPrice, Side, Trade
from domain.orders import Order, Plan
from domain.units import MILLISECOND, SECOND, Nanos, Price, Quantity
from persistence.checkpoints import CheckpointStore
from persistence.environment import open_environment
from persistence.ledger import LedgerStore
from tests.builders import NOON, approved
from tests.fakes import Outbox
from tests.invariants import watched

LOTS = (1, 20, 300, 1600)
"""Sizes at a level, and of orders: from dust to a thousand dollars [0.00001 BTC]."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens after so many milliseconds."""

    what: str
    after: int
    ticks: int
    lots: int
    side: Side
    far: int


happenings = st.builds(
    Happening,
    what=st.sampled_from(
        ["book", "book", "trade", "trade", "tick", "mark", "open", "open", "close", "jump", "start"]
    ),
    after=st.sampled_from((1, 40, 90, 400, 1_500, 9_000, 4 * 3_600_000)),
    ticks=st.integers(-400, 400),
    lots=st.sampled_from(LOTS),
    side=st.sampled_from(Side),
    far=st.integers(1, 300),
)


class World:
    """A market that moves, and a broker in it."""

    def __init__(self, environment: lmdb.Environment) -> None:
        self.environment = environment
        self.now, self.bid, self.sent = Nanos(NOON), Decimal(60_000), 0
        self.start()

    def start(self) -> None:
        """The first life of the broker, or the next one."""
        self.ledger = LedgerStore(self.environment)
        self.books = Books(self.ledger, CheckpointStore(self.environment), lambda *_: "")
        box = Outbox()
        self.broker = BrokerActor(self.books, 1, risk=box, dashboard=box, supervisor=box)
        self.broker.receive(Begin())
        self.broker.receive(BTCUSDT)
        self.broker.receive(Tick(self.now))

    def happen(self, one: Happening) -> None:
        """Time passes, and then this."""
        self.now = Nanos(self.now + one.after * MILLISECOND)
        match one.what:
            case "book":
                self.bid = max(Decimal(100), self.bid + one.ticks * BTCUSDT.tick)
                self.broker.receive(self.book(one.lots))
            case "jump":
                factor = Decimal("2.1") if one.side is Side.BUY else Decimal("0.5")
                self.bid = min(Decimal(10**6), max(Decimal(100), self.bid * factor))
                self.broker.receive(self.book(one.lots))
            case "trade":
                at = Price(self.bid + one.ticks // 10 * BTCUSDT.tick)
                maker = one.side is Side.SELL
                self.broker.receive(Trade(self.now, 1, at, size(one.lots), buyer_is_maker=maker))
            case "mark":
                settles = Nanos(self.now + one.far * SECOND)
                rate = Decimal(one.ticks) / 100_000
                self.broker.receive(MarkPrice(self.now, Price(self.bid), rate, settles))
            case "start":
                self.start()
            case "tick":
                self.broker.receive(Tick(self.now))
            case _:
                self.order(one)

    def order(self, one: Happening) -> None:
        """Risk lets one position be open at a time, and closes it with one order at a time."""
        position = self.books.account.position
        if self.broker._desk.pending or (position is None) is (one.what == "close"):
            return
        self.sent += 1
        away = Decimal(one.far) * one.side.sign
        plan = Plan(
            Price(self.bid - away), Price(self.bid + away), Nanos(self.now + one.far * SECOND)
        )
        side = one.side if position is None else position.side.opposite
        quantity = size(one.lots) if position is None else position.quantity
        purpose = plan if position is None else None
        key = f"{'E' if position is None else 'X'}{self.sent}"
        order = Order(key, self.now, side, quantity, Price(self.bid), purpose, "because")
        self.broker.receive(approved(order))

    def book(self, lots: int) -> Book:
        """Five levels a side, one tick apart."""
        step = BTCUSDT.tick
        bids = tuple(Level(Price(self.bid - n * step), size(lots)) for n in range(5))
        asks = tuple(Level(Price(self.bid + (n + 1) * step), size(lots)) for n in range(5))
        return Book(self.now, bids, asks)

    def check(self) -> None:
        """The ledger adds up to the account, and the store knows every order at the venue."""
        audit(self.ledger.since(0), self.books.account)
        stored = {order.id for order in self.ledger.sent()}
        assert stored == {x.order.id for x in self.broker._desk._venue.working}


def size(lots: int) -> Quantity:
    return Quantity(lots * BTCUSDT.lot)


@settings(max_examples=60)
@given(told=st.lists(happenings, min_size=5, max_size=60))
def test_books_stores_and_venue_agree_whatever_happens(told: list[Happening]) -> None:
    with TemporaryDirectory() as folder, watched() as count:
        with closing(open_environment(Path(folder), durable=False)) as environment:
            world = World(environment)
            for one in told:
                world.happen(one)
                world.check()
            before = world.books.account

            world.start()

            world.check()
            if before.position is None:
                assert world.books.account == before
        assert count.entries > 0
