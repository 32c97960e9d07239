"""Broker: the paper venue. Orders travel, meet the book, are filled, and are booked."""

from dataclasses import dataclass, replace
from time import perf_counter
from typing import assert_never

from actors.actor import Actor, Mailbox
from actors.broker.books import Books
from actors.broker.desk import Desk
from actors.messages import (
    Begin,
    BrokerInbox,
    CloseAndStop,
    DashboardInbox,
    EntrySent,
    Flat,
    Measured,
    RiskInbox,
    Span,
    SupervisorInbox,
    Tick,
)
from domain.account import Marked
from domain.facts import Accounted, BackedUp, Checkpointed, Fact, Funded, Noted, OrderRefused
from domain.funding import USUAL_RATE, due, payment
from domain.instrument import Instrument, to_tick
from domain.ledger import funding
from domain.life import Status
from domain.margin import liquidated, liquidation_price, margin_ratio
from domain.market import Book, MarkPrice, Trade
from domain.orders import ORDER_AGE_MAX, Approved, Order, Refusal
from domain.units import MINUTE, SECOND, Nanos, Price
from persistence.document import SAVE_EVERY

MARK_AGE_MAX = Nanos(2 * MINUTE)
"""Oldest mark price that a position is valued at; else the mid stands in."""

TOLD_EVERY = Nanos(8 * SECOND)
"""How often an account is told in which nothing changes."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What stands while nothing of ours is under way.

    Attributes:
        marked: the account, as everybody knows it.
        missing: prices at which we took something that the market still shows.
    """

    marked: Marked
    missing: tuple[Price, ...]


class BrokerActor(Actor[BrokerInbox]):
    """Executes approved orders on the paper venue; keeps every cent in the ledger."""

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
        self._risk = risk
        self._dashboard = dashboard
        self._desk = Desk(books, seed, dashboard.tell)
        self._now = Nanos(0)
        self._mark: MarkPrice | None = None
        self._last_order = ""
        self._loaded = False
        self._saved: Nanos | None = None
        self._told: Nanos | None = None
        self._marked: Marked | None = None
        self._ended = ""
        self._leaving = False
        self._commits = 0

    def receive(self, message: BrokerInbox) -> None:
        """Execute, value, settle, save."""
        match message:
            case Tick(now):
                self._pass(now)
                self._load()
                self._keep_time()
            case Approved(order):
                self._accept(order)
            case CloseAndStop():
                self._leaving = True
                self._say_flat()
            case Begin():
                pass
            case _:
                self._hear_market(message)

    def _hear_market(self, message: Book | Trade | MarkPrice | Instrument) -> None:
        match message:
            case Book() as book:
                self._pass(book.at)
                self._desk.meet(book)
                self._value()
            case Trade() as trade:
                self._pass(trade.at)
                self._desk.hear(trade)
                self._note_end()
            case MarkPrice() as mark:
                self._pass(mark.at)
                self._fund()
                self._mark = mark
                self._value()
            case Instrument() as rules:
                self._desk.follow(rules)
            case _:
                assert_never(message)

    @property
    def at_rest(self) -> Rest | None:
        """How things stand, None while something of ours is under way.

        For who runs the rooms himself: until the market reaches the position's stop, target or a
        new high-water mark, or a price at which we took something, or time its limit or a
        settlement, nothing will change.
        """
        told = self._marked
        if not self._loaded or told is None or not self._desk.settled:
            return None
        current = told.account is self._books.account and not told.pending
        return Rest(told, self._desk.missing) if current else None

    def release(self) -> None:
        """Save before the end."""
        if self._loaded:
            self._save()

    def _load(self) -> None:
        """Read the books at the first tick: before it there is no time to book anything at."""
        if self._loaded:
            return
        found = self._books.load(self._now)
        self._loaded = True
        if found.broken:
            self._tell(Noted(self._now, f"{found.broken} broken checkpoint(s) passed over"))
        for order in found.lost:
            reason = "it was on its way when the broker stopped"
            self._tell(OrderRefused(self._now, order.id, "EXPIRED", reason))
        self._desk.resume(found.resting, self._now)

    def _pass(self, now: Nanos) -> None:
        """Let time pass: what arrives before the new moment meets the book as it was.

        Who holds a position at a settlement pays for it, whatever happens in the moment after.
        """
        self._now = max(self._now, now)
        position = self._books.account.position
        if position is not None:
            settles = due(position.settled, self._mark)
            if settles <= self._now:
                self._desk.advance(settles)
                self._fund()
        self._desk.advance(self._now)

    def _accept(self, order: Order) -> None:
        self._load()
        code, reason = self._objection(order)
        if code:
            self._tell(OrderRefused(self._now, order.id, code, reason))
        elif self._desk.send(order, self._now) and not order.closes:
            self._dashboard.tell(EntrySent(order.at, perf_counter()))
        self._last_order = order.id
        self._mark_to_market()

    def _objection(self, order: Order) -> tuple[str, str]:
        """Why an order that Risk let out does not leave: where we lag, Risk may not know it all.

        Returns:
            A code and a reason; '' where nothing is in its way.
        """
        if self._now - order.at > ORDER_AGE_MAX:
            return str(Status.EXPIRED), "it came too late to be sent"
        held = self._books.account.position is not None
        if order.closes and not held:
            return str(Status.EXPIRED), "nothing is open any more"
        if held and not order.closes:
            return Refusal.POSITION_OPEN.name, str(Refusal.POSITION_OPEN)
        if self._desk.closing if order.closes else self._desk.opening:
            return Refusal.ON_ITS_WAY.name, str(Refusal.ON_ITS_WAY)
        return "", ""

    def _value(self) -> None:
        """Mark an open position to market; close what its margin does not carry."""
        if self._books.account.position is not None and self._price() is not None:
            self._mark_to_market()
            self._liquidate_if_due()
        self._note_end()

    def _liquidate_if_due(self) -> None:
        position, price = self._books.account.position, self._price()
        if position is not None and price is not None and liquidated(position, price):
            self._desk.liquidate(position, price, self._now)
            self._note_end()

    def _note_end(self) -> None:
        """Save, and tell everybody, when a position is closed."""
        if self._desk.closed:
            self._ended, self._desk.closed = self._desk.closed, ""
            self._mark_to_market()
            self._save()
            self._say_flat()

    def _keep_time(self) -> None:
        """What happens by the clock: funding, the plan's end, valuation, saving."""
        self._fund()
        self._desk.wait(self._now)
        self._desk.protect(self._now)
        self._note_end()
        self._tell_account()
        if self._told is None or self._now // MINUTE > self._told // MINUTE:
            self._told = self._now
            self._account()
        if self._saved is None:
            self._saved = self._now
        if self._now - self._saved >= SAVE_EVERY:
            self._save()
        self._say_flat()
        self._tell_commits()

    def _fund(self) -> None:
        position = self._books.account.position
        if position is None:
            return
        settles, price = due(position.settled, self._mark), self._price()
        if settles > self._now or price is None:
            return
        rate = self._mark.rate if self._mark is not None else USUAL_RATE
        amount = payment(position, price, rate)
        self._books.book(funding(amount, self._books.blank(settles, "")))
        self._tell(Funded(settles, rate, amount))

    def _price(self) -> Price | None:
        """What a position is worth per unit: the mark price where it is known, else the mid."""
        if self._mark is not None and self._now - self._mark.at <= MARK_AGE_MAX:
            return self._mark.mark
        return self._desk.book.mid if self._desk.book is not None else None

    def _tell_account(self) -> None:
        """Tell it where something changed since it was told, and now and then where nothing did."""
        told, account = self._marked, self._books.account
        if told is not None and account is told.account and self._desk.pending == told.pending:
            same = account.position is None or self._price() == told.price
            if same and self._now - told.at < TOLD_EVERY:
                return
        self._mark_to_market()
        self._liquidate_if_due()

    def _mark_to_market(self) -> None:
        price = self._price()
        if self._books.watch(price):
            self._save()
        marked = replace(
            self._books.marked(self._now, price),
            last_order=self._last_order,
            pending=self._desk.pending,
            ended=self._ended,
        )
        self._marked = marked
        self._risk.tell(marked)
        self._dashboard.tell(marked)

    def _account(self) -> None:
        price, position = self._price(), self._books.account.position
        marked = self._books.marked(self._now, price)
        told = Accounted(self._now, marked.account.wallet, marked.equity, round(marked.drawdown, 6))
        if position is not None and price is not None:
            ratio = round(margin_ratio(position, price), 6)
            limit = to_tick(liquidation_price(position), self._desk.rules)
            told = replace(told, margin_ratio=ratio, liquidation_price=limit)
        self._tell(told)

    def _save(self) -> None:
        sequence, backup = self._books.checkpoint(self._now, self._price())
        self._saved = self._now
        self._tell(Checkpointed(self._now, sequence))
        if backup:
            self._tell(BackedUp(self._now, backup))

    def _tell_commits(self) -> None:
        """Tell how long the ledger took, where it was written since that was told."""
        times = self._books.commits
        if times.count != self._commits:
            self._commits = times.count
            self._dashboard.tell(Measured(self._now, Span.COMMIT, times))

    def _say_flat(self) -> None:
        flat = self._books.account.position is None and not self._desk.opening
        if self._leaving and flat:
            self._supervisor.tell(Flat())

    def _tell(self, fact: Fact) -> None:
        self._dashboard.tell(fact)
