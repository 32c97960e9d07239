"""The broker's desk: sends orders to the paper venue, hears what comes of them, and books it."""

from collections.abc import Callable
from dataclasses import replace

from actors.broker.books import Books
from domain import venue
from domain.account import Position
from domain.execution import fee, latency, slippage_bps
from domain.facts import Closed, Fact, Filled, Ordered, OrderRefused
from domain.instrument import Instrument
from domain.ledger import ZERO, Movement, fill
from domain.life import Status, ended
from domain.margin import free_margin, liquidation_fee
from domain.market import Book, Side, Trade
from domain.orders import LIQUIDATES, Kind, Order
from domain.protection import TARGETS, wanted
from domain.queue import NONE
from domain.rejects import DUPLICATE, Standing
from domain.units import MILLISECOND, Money, Nanos, Price, Quantity
from domain.venue import Execution, Outcome, Stage, Venue, Working


class Desk:
    """Our orders at the venue, and the answers that are still on their way to us.

    The venue fills an order at once when it meets the market; we hear of it a moment later, and
    only then do we act on it: stop and target go out when the entry's answer is here.
    """

    def __init__(self, books: Books, seed: int, tell: Callable[[Fact], None]) -> None:
        self._books = books
        self._seed = seed
        self._tell = tell
        self._venue = Venue()
        self._answer: Nanos | None = None
        self.closed = ""

    @property
    def book(self) -> Book | None:
        """The newest book."""
        return self._venue.book

    @property
    def rules(self) -> Instrument:
        """The market's filters."""
        return self._venue.rules

    @property
    def pending(self) -> bool:
        """Whether something of ours, or an answer to it, is on its way."""
        return self._answer is not None or any(
            x.stage is Stage.TAKES or x.due is not None for x in self._venue.working
        )

    @property
    def opening(self) -> bool:
        """Whether an order is out that would open a position."""
        return any(not x.order.closes for x in self._venue.working)

    @property
    def closing(self) -> bool:
        """Whether an order is out that closes a position at once."""
        working = self._venue.working
        return any(x.order.closes and x.order.kind is Kind.MARKET for x in working)

    @property
    def settled(self) -> bool:
        """Whether nothing of ours is left to do before the market moves or a plan's time is up."""
        if self.pending:
            return False
        if self._books.account.position is None:
            return not self._venue.working
        kinds = {x.order.kind for x in self._venue.working if x.order.closes}
        return Kind.STOP_MARKET in kinds and bool(kinds.intersection(TARGETS))

    @property
    def missing(self) -> tuple[Price, ...]:
        """Prices at which the market shows more than is there for us, as we took of it."""
        return tuple(taken.price for taken in self._venue.taken)

    def follow(self, rules: Instrument) -> None:
        """These are the market's filters."""
        self._venue = replace(self._venue, rules=rules)

    def resume(self, resting: tuple[Order, ...], now: Nanos) -> None:
        """Take up the orders that stayed at the venue; add what a position lacks there."""
        for order in resting:
            held = self._room(order.side)
            self._venue = venue.resting(self._venue, order, now, held)
        self.protect(now)

    def send(self, order: Order, now: Nanos) -> bool:
        """Write the order down and send it; false where its key was used before.

        It leaves now: one that was decided on a while ago has not been on its way since.
        """
        if not self._books.send(order):
            self._tell(OrderRefused(now, order.id, str(DUPLICATE.code), DUPLICATE.words))
            return False
        arrives = Nanos(max(order.at, now) + latency(order.id, self._seed))
        self._venue = venue.sent(self._venue, order, arrives)
        price = order.reference if order.level is None else order.level
        self._tell(Ordered(now, order.id, order.side, order.quantity, order.kind, price))
        return True

    def advance(self, now: Nanos) -> None:
        """Let everything happen that was due by now, in its order, at the book as it stands."""
        if self._answer is None and not self._venue.working:
            return
        while (moment := self._next()) is not None and moment <= now:
            if moment == self._answer:
                self._answer = None
                self.protect(moment)
            else:
                self._arrive(moment)

    def meet(self, book: Book) -> None:
        """A new book: everything that is at the venue meets it."""
        self._venue = venue.heard(self._venue, book)
        for working in self._venue.working:
            self._attempt(working, book.at)

    def wait(self, now: Nanos) -> None:
        """Let what waits for a book that it can take from give up in time."""
        for working in self._venue.working:
            if working.stage is Stage.TAKES:
                self._attempt(working, now)

    def _attempt(self, working: Working, now: Nanos) -> None:
        outcome = venue.attempt(self._venue, working, self._room(working.order.side), now)
        self._take(outcome, now)

    def hear(self, trade: Trade) -> None:
        """A trade of others: it may trigger our orders, serve the queue before them, or them."""
        for working in self._venue.working:
            outcome = venue.traded(self._venue, working, trade, self._room(working.order.side))
            self._take(outcome, trade.at)

    def protect(self, now: Nanos) -> None:
        """Send and cancel until the venue holds what the position's plan says."""
        position = self._books.account.position
        if self._answer is not None or (position is None and not self._venue.working):
            return
        wants = wanted(position, self._venue, now)
        for order in wants.orders:
            self.send(order, now)
        for key in wants.cancels:
            arrives = Nanos(now + latency(f"{key}/cancel", self._seed))
            self._venue = venue.cancelling(self._venue, key, arrives, "the position is closed")

    def liquidate(self, position: Position, price: Price, now: Nanos) -> None:
        """The venue takes the position over: every order goes, and it is sold at the market."""
        key = f"{LIQUIDATES}{position.opened // MILLISECOND}"
        if any(x.order.liquidates for x in self._venue.working):
            return
        for working in self._venue.working:
            self._books.finish(working.order.id, Status.CANCELED)
            self._tell(OrderRefused(now, working.order.id, str(Status.CANCELED), "liquidation"))
        side, reason = position.side.opposite, f"liquidation at mark price {price}"
        order = Order(f"{key}-{now}", now, side, position.quantity, price, None, reason)
        self._venue = replace(self._venue, working=())
        if self._books.send(order):
            self._venue = venue.sent(self._venue, order, now)
            self._tell(Ordered(now, order.id, side, order.quantity, order.kind, price))
        self.advance(now)

    def _next(self) -> Nanos | None:
        """When the next message arrives, ours there or the venue's here."""
        due = venue.next_due(self._venue)
        moments = [x for x in (self._answer, due and due[0]) if x is not None]
        return min(moments, default=None)

    def _arrive(self, moment: Nanos) -> None:
        due = venue.next_due(self._venue)
        assert due is not None
        working = due[1]
        room = self._room(working.order.side)
        us = Standing(room, free_margin(self._books.account))
        outcome = venue.arrive(self._venue, working, us)
        self._take(outcome, moment)
        if not ended(outcome.working.status):
            self._take(venue.attempt(self._venue, outcome.working, room, moment), moment)

    def _room(self, side: Side) -> Quantity:
        """What a reduce-only order of this side may take."""
        position = self._books.account.position
        return NONE if position is None or position.side is side else position.quantity

    def _take(self, outcome: Outcome | None, now: Nanos) -> None:
        """Book what came of an order, then tell it."""
        if outcome is None:
            return
        self._venue = outcome.venue
        working, fills = outcome.working, outcome.executions
        for number, execution in enumerate(fills):
            done = working.status is Status.FILLED and number == len(fills) - 1
            self._book(working, execution, done=done)
        if outcome.code:
            if ended(working.status):
                self._books.finish(working.order.id, working.status)
            self._tell(OrderRefused(now, working.order.id, outcome.code, outcome.reason))
        if fills or (ended(working.status) and working.status is not Status.REJECTED):
            answer = f"{working.order.id}/answer"
            self._answer = Nanos(max(now, self._answer or now) + latency(answer, self._seed))

    def _book(self, working: Working, execution: Execution, *, done: bool) -> None:
        order, at = working.order, execution.at
        paid = fee(execution.price, execution.quantity, execution.liquidity)
        clearance = self._clearance(order, execution)
        movement = Movement(order.side, execution.quantity, execution.price, order.plan)
        blank = self._books.blank(at, order.id)
        entry = fill(self._books.account, movement, paid, blank, clearance)
        trip = self._books.book(entry, done=order.id if done else "")
        self._tell(
            Filled(
                at=at,
                order=order.id,
                side=order.side,
                price=execution.price,
                quantity=execution.quantity,
                fee=Money(paid + clearance),
                liquidity=execution.liquidity,
                latency_ms=latency(order.id, self._seed) / MILLISECOND,
                slippage_bps=slippage_bps(order, execution.price),
            )
        )
        if trip is not None:
            self.closed = order.reason
            self._tell(Closed(at, trip.pnl, order.reason))

    def _clearance(self, order: Order, execution: Execution) -> Money:
        if not order.liquidates:
            return ZERO
        return liquidation_fee(execution.price, execution.quantity)
