"""Broker: the paper venue. Orders travel, meet the book, are filled, and are booked."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never

from actors.actor import Actor, Mailbox
from actors.broker.books import Books
from actors.messages import (
    Begin,
    BrokerInbox,
    CloseAndStop,
    DashboardInbox,
    Flat,
    RiskInbox,
    SupervisorInbox,
    Tick,
)
from domain.execution import fee, latency, slippage_bps, walk
from domain.facts import (
    Accounted,
    BackedUp,
    Checkpointed,
    Closed,
    Fact,
    Filled,
    Funded,
    Liquidity,
    Noted,
    Ordered,
    OrderRefused,
)
from domain.funding import USUAL_RATE, next_settlement, payment
from domain.instrument import Instrument
from domain.ledger import Movement, fill, funding
from domain.market import Book, Level, MarkPrice
from domain.orders import BOOK_AGE_MAX, Approved, Order
from domain.units import MILLISECOND, MINUTE, Nanos, Price, Quantity
from persistence.document import SAVE_EVERY

MARK_AGE_MAX = Nanos(2 * MINUTE)
"""Oldest mark price that a position is valued at; else the mid stands in."""

ORDER_AGE_MAX = Nanos(10 * 1000 * MILLISECOND)
"""A market order that met no usable book by then expires."""


@dataclass(frozen=True, slots=True)
class Working:
    """An order on its way or partly filled."""

    order: Order
    arrives: Nanos
    left: Quantity


class BrokerActor(Actor[BrokerInbox]):
    """Fills approved orders against the book they meet; keeps every cent in the ledger."""

    def __init__(
        self,
        books: Books,
        seed: int,
        *,
        risk: Mailbox[RiskInbox],
        dashboard: Mailbox[DashboardInbox],
        supervisor: Mailbox[SupervisorInbox],
    ) -> None:
        super().__init__(supervisor)
        self._books = books
        self._seed = seed
        self._risk = risk
        self._dashboard = dashboard
        self._now = Nanos(0)
        self._book: Book | None = None
        self._mark: MarkPrice | None = None
        self._working: tuple[Working, ...] = ()
        self._last_order = ""
        self._loaded = False
        self._saved: Nanos | None = None
        self._told: Nanos | None = None
        self._leaving = False

    def receive(self, message: BrokerInbox) -> None:
        """Execute, value, settle, save."""
        match message:
            case Book() as book:
                self._pass(book.at)
                self._book = book
                self._settle()
            case Tick(now):
                self._pass(now)
                self._load()
                self._settle()
                self._keep_time()
            case Approved(order):
                self._accept(order)
            case MarkPrice() as mark:
                self._mark = mark
            case CloseAndStop():
                self._leaving = True
                self._say_flat()
            case Begin() | Instrument():
                pass
            case _:
                assert_never(message)

    def release(self) -> None:
        """Save before the end."""
        if self._loaded:
            self._save()

    def _load(self) -> None:
        """Read the books at the first tick: before it there is no time to book anything at."""
        if self._loaded:
            return
        broken, lost = self._books.load(self._now)
        self._loaded = True
        if broken:
            self._tell(Noted(self._now, f"{broken} broken checkpoint(s) passed over"))
        for order in lost:
            reason = "it was on its way when the broker stopped"
            self._tell(OrderRefused(self._now, order.id, "EXPIRED", reason))

    def _pass(self, now: Nanos) -> None:
        """Let time pass: orders that arrive before the new moment meet the book as it was."""
        self._now = max(self._now, now)
        self._settle()

    def _accept(self, order: Order) -> None:
        self._load()
        if not self._books.send(order):
            return
        self._last_order = order.id
        arrives = Nanos(order.at + latency(order.id, self._seed))
        self._working = (*self._working, Working(order, arrives, order.quantity))
        kind = "MARKET"
        self._tell(Ordered(self._now, order.id, order.side, order.quantity, kind, order.reference))

    def _settle(self) -> None:
        """Fill what has arrived, as far as the book allows."""
        for working in self._working:
            if working.arrives <= self._now:
                self._execute(working)

    def _execute(self, working: Working) -> None:
        others = tuple(other for other in self._working if other.order.id != working.order.id)
        book = self._book
        if book is None or abs(max(working.arrives, book.at) - book.at) > BOOK_AGE_MAX:
            if self._now - working.arrives > ORDER_AGE_MAX:
                self._working = others
                self._expire(working, "no fresh book to fill it against")
            return
        quantity = self._allowed(working)
        taken = walk(book, working.order.side, quantity)
        self._working = others
        for number, level in enumerate(taken.levels):
            last = taken.left == 0 and number == len(taken.levels) - 1
            self._fill(working, level, last=last)
        if taken.left > 0:
            self._expire(working, f"the visible book held all but {taken.left}")
        self._mark_to_market()
        self._say_flat()

    def _allowed(self, working: Working) -> Quantity:
        """A closing order never takes more than what is held."""
        position = self._books.account.position
        if not working.order.closes:
            return working.left
        held = position.quantity if position is not None else Quantity(Decimal(0))
        return min(working.left, held)

    def _fill(self, working: Working, level: Level, *, last: bool) -> None:
        order = working.order
        at = max(working.arrives, self._book.at if self._book else working.arrives)
        paid = fee(level.price, level.quantity)
        movement = Movement(order.side, level.quantity, level.price, order.plan)
        entry = fill(self._books.account, movement, paid, self._books.blank(at, order.id))
        trip = self._books.book(entry, done=order.id if last else "")
        self._tell(
            Filled(
                at=at,
                order=order.id,
                side=order.side,
                price=level.price,
                quantity=level.quantity,
                fee=paid,
                liquidity=Liquidity.TAKER,
                latency_ms=(at - order.at) / MILLISECOND,
                slippage_bps=slippage_bps(order, level.price),
            )
        )
        if trip is not None:
            self._tell(Closed(at, trip.pnl, order.reason))
            self._save()

    def _expire(self, working: Working, reason: str) -> None:
        self._books.expire(working.order)
        self._tell(OrderRefused(self._now, working.order.id, "EXPIRED", reason))

    def _keep_time(self) -> None:
        """What happens by the clock: funding, valuation, saving."""
        self._fund()
        self._mark_to_market()
        if self._told is None or self._now // MINUTE > self._told // MINUTE:
            self._told = self._now
            self._account()
        if self._saved is None:
            self._saved = self._now
        if self._now - self._saved >= SAVE_EVERY:
            self._save()
        self._say_flat()

    def _fund(self) -> None:
        position = self._books.account.position
        if position is None or self._price() is None:
            return
        due = next_settlement(position.settled)
        if due > self._now:
            return
        rate = self._mark.rate if self._mark is not None else USUAL_RATE
        amount = payment(position, self._price() or position.entry, rate)
        self._books.book(funding(amount, self._books.blank(due, "")))
        self._tell(Funded(due, rate, amount))

    def _price(self) -> Price | None:
        """What a position is worth per unit: the mark price where it is known, else the mid."""
        if self._mark is not None and self._now - self._mark.at <= MARK_AGE_MAX:
            return self._mark.mark
        return self._book.mid if self._book is not None else None

    def _mark_to_market(self) -> None:
        if self._books.watch(self._price()):
            self._save()
        marked = replace(
            self._books.marked(self._now, self._price()),
            last_order=self._last_order,
            pending=bool(self._working),
        )
        self._risk.tell(marked)
        self._dashboard.tell(marked)

    def _account(self) -> None:
        marked = self._books.marked(self._now, self._price())
        self._tell(
            Accounted(self._now, marked.account.wallet, marked.equity, round(marked.drawdown, 6))
        )

    def _save(self) -> None:
        sequence, backup = self._books.checkpoint(self._now, self._price())
        self._saved = self._now
        self._tell(Checkpointed(self._now, sequence))
        if backup:
            self._tell(BackedUp(self._now, backup))

    def _say_flat(self) -> None:
        if self._leaving and not self._working and self._books.account.position is None:
            self._supervisor.tell(Flat())

    def _tell(self, fact: Fact) -> None:
        self._dashboard.tell(fact)
