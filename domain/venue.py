"""The paper venue: our orders as an exchange would hold them, against the book it shows.

A pure model in event time, the same for live trading, replay and backtest. An order travels, is
accepted or rejected against the book that stands when it arrives, and then takes, waits for its
trigger, or rests in the queue at its price. Each function takes one order one step further and
returns what came of it; who calls books the executions before the next step.

What the source does not show is estimated on the careful side: see `domain.queue` for resting
orders, `domain.consumption` for what we took before, `domain.impact` for what waits deeper. A
trade or a book beyond a trigger triggers it (Binance: workingType CONTRACT_PRICE), and what it
becomes is a market order at once.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from domain import consumption
from domain.consumption import Taken, available, deep, facing
from domain.execution import touch, touched, walk, within
from domain.facts import Liquidity
from domain.freshness import FreshBook, fresh
from domain.instrument import BTCUSDT, Instrument, to_lot
from domain.life import STEPS, Status, ended, stepped
from domain.market import Book, Level, Side, Trade, valid
from domain.orders import ORDER_AGE_MAX, Force, Kind, Order
from domain.queue import NONE, Queue, joined, refreshed, served, shown
from domain.rejects import (
    FILL_OR_KILL,
    LIMIT_ONLY,
    NO_CHANGE,
    POST_ONLY,
    REDUCE_ONLY,
    Reject,
    Standing,
    rejection,
)
from domain.units import Nanos, Price, Quantity


class Stage(StrEnum):
    """What an order that has not ended does."""

    TRAVELS = "travels"
    TAKES = "takes"
    WAITS = "waits"
    RESTS = "rests"


@dataclass(frozen=True, slots=True)
class Change:
    """What a limit order shall be, once word of it reaches the venue.

    Attributes:
        at: when it does.
        level: the new price.
        quantity: the new quantity, with what is filled already [base].
    """

    at: Nanos
    level: Price
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Working:
    """An order that has not ended.

    Attributes:
        order: what we asked for.
        since: when it reaches the venue, or was triggered there.
        left: what is not filled yet [base].
        status: where it stands in its life.
        stage: what it does.
        queue: its place at its price; None where it rests out of sight, or does not rest.
        cancels: when a cancellation reaches the venue; None where none is on its way.
        why: reason of the cancellation.
        change: an amendment on its way; None where there is none.
        sees: it takes from no book of before this moment; a trade has changed that one.
    """

    order: Order
    since: Nanos
    left: Quantity
    status: Status = Status.NEW
    stage: Stage = Stage.TRAVELS
    queue: Queue | None = None
    cancels: Nanos | None = None
    why: str = ""
    change: Change | None = None
    sees: Nanos = Nanos(0)  # noqa: RUF009 - a NewType call is the value itself

    @property
    def due(self) -> Nanos | None:
        """When the next message of ours about it reaches the venue."""
        if self.stage is Stage.TRAVELS:
            return self.since
        if self.change is None or (self.cancels is not None and self.cancels <= self.change.at):
            return self.cancels
        return self.change.at


@dataclass(frozen=True, slots=True)
class Venue:
    """The newest book, what we took from it, our orders as they were sent, the market's filters."""

    book: Book | None = None
    working: tuple[Working, ...] = ()
    taken: tuple[Taken, ...] = ()
    rules: Instrument = BTCUSDT


@dataclass(frozen=True, slots=True)
class Execution:
    """A part of an order that was filled."""

    at: Nanos
    price: Price
    quantity: Quantity
    liquidity: Liquidity


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one step of one order.

    Attributes:
        venue: after it.
        working: the order after it; its status says whether it ended.
        executions: what was filled, oldest first.
        code: Binance's code or word where it ended otherwise than filled, or was not amended.
        reason: the same for a person.
    """

    venue: Venue
    working: Working
    executions: tuple[Execution, ...] = ()
    code: str = ""
    reason: str = ""


def sent(venue: Venue, order: Order, arrives: Nanos) -> Venue:
    """An order is on its way."""
    return replace(venue, working=(*venue.working, Working(order, arrives, order.quantity)))


def resting(venue: Venue, order: Order, now: Nanos, held: Quantity) -> Venue:
    """An order that the venue accepted in an earlier life of ours, at the end of its queue.

    It closes a position; what it has filled before is no part of what is held any more.
    """
    stage = Stage.RESTS if order.kind is Kind.LIMIT else Stage.WAITS
    left = min(order.quantity, held)
    working = Working(order, now, left, Status.ACCEPTED, stage)
    return replace(venue, working=(*venue.working, working))


def cancelling(venue: Venue, key: str, arrives: Nanos, why: str) -> Venue:
    """The wish to cancel an order is on its way; the order may be quicker."""
    return replace(
        venue,
        working=tuple(
            replace(x, cancels=arrives, why=why) if x.order.id == key else x for x in venue.working
        ),
    )


def amending(venue: Venue, key: str, change: Change) -> Venue:
    """The wish to change an order is on its way; it may be filled, or cancelled, before.

    It goes like Binance's "Modify Order": to cancel and to send anew in one message, without a
    moment in which the order does not stand, and at the end of the queue.
    """
    return replace(
        venue,
        working=tuple(replace(x, change=change) if x.order.id == key else x for x in venue.working),
    )


def next_due(venue: Venue) -> tuple[Nanos, Working] | None:
    """The order that a message of ours reaches first, and when."""
    due = [(x.due, n) for n, x in enumerate(venue.working) if x.due is not None]
    if not due:
        return None
    at, number = min(due)
    return at, venue.working[number]


def heard(venue: Venue, book: Book) -> Venue:
    """A new book: queues move up by what was cancelled, and what we took is refreshed."""
    if not venue.working and not venue.taken:
        return Venue(book, rules=venue.rules)
    working = tuple(_requeued(x, book) for x in venue.working)
    return Venue(book, working, consumption.refreshed(book, venue.taken), venue.rules)


def arrive(venue: Venue, working: Working, us: Standing) -> Outcome:
    """A message of ours reaches the venue: the order itself, its change, or its cancellation."""
    if working.stage is not Stage.TRAVELS:
        if working.change is not None and working.due == working.change.at:
            return _amend(venue, replace(working, change=None), working.change, us)
        return _end(venue, working, Status.CANCELED, str(Status.CANCELED), working.why)
    refused = rejection(working.order, venue.rules, venue.book, us)
    if refused is not None:
        return _reject(venue, working, refused)
    waits = working.order.kind in {Kind.STOP_MARKET, Kind.TAKE_PROFIT_MARKET}
    stage = Stage.WAITS if waits else Stage.TAKES
    return _kept(venue, replace(_step(working, Status.ACCEPTED), stage=stage))


def _amend(venue: Venue, working: Working, change: Change, us: Standing) -> Outcome:
    """The order as it shall be now; as it was where the venue does not take the change.

    Binance's rules: a change that a filter forbids leaves the order as it is; one to no more than
    what is filled already, or of a post-only order to a price that would take, cancels it.
    """
    order = replace(working.order, level=change.level, quantity=change.quantity)
    left = Quantity(change.quantity - (working.order.quantity - working.left))
    if working.order.kind is not Kind.LIMIT:
        refused: Reject | None = LIMIT_ONLY
    elif order == working.order:
        refused = NO_CHANGE
    else:
        refused = rejection(order, venue.rules, venue.book, us)
    if refused is not None:
        return replace(_kept(venue, working), code=str(refused.code), reason=refused.words)
    if left <= 0 or (order.force is Force.GTX and _would_take(order, venue.book)):
        why = "amended to what ends it"
        return _end(venue, working, Status.CANCELED, str(Status.CANCELED), why)
    since = max(working.since, change.at)
    taking = replace(working, order=order, left=left, since=since, stage=Stage.TAKES)
    return _kept(venue, taking)


def _would_take(order: Order, book: Book | None) -> bool:
    assert order.level is not None
    return book is not None and (order.level - touch(book, order.side)) * order.side.sign >= 0


def attempt(venue: Venue, working: Working, room: Quantity, now: Nanos) -> Outcome | None:
    """What the order makes of the book; None where it makes nothing of it.

    Args:
        venue: before.
        working: one of its orders, arrived.
        room: how much a reduce-only order may take [base].
        now: market time.
    """
    if working.stage is Stage.TAKES:
        return _take(venue, working, room, now)
    book = fresh(venue.book, max(now, working.since))
    if working.stage is Stage.TRAVELS or book is None:
        return None
    if not _concerns(book, working) or not valid(book):
        return None
    if working.stage is Stage.RESTS:
        return _crossed(venue, working, room, book)
    return _triggered(venue, working, room, max(book.at, working.since))


def _concerns(book: Book, working: Working) -> bool:
    """Whether the other side's best price is one that fills or triggers the order."""
    order, other = working.order, facing(book, working.order.side)
    if not other or order.level is None:
        return False
    if working.stage is Stage.RESTS:
        return (order.level - other[0].price) * order.side.sign >= 0
    return touched(order, other[0].price)


def traded(venue: Venue, working: Working, trade: Trade, room: Quantity) -> Outcome | None:
    """What a trade of others means to the order; None where nothing."""
    order = working.order
    if trade.at < working.since or order.level is None:
        return None
    if working.stage is Stage.WAITS and touched(order, trade.price):
        # What the trade left of the book nobody has seen yet: the next book says it.
        return _kept(venue, replace(working, stage=Stage.TAKES, since=trade.at, sees=trade.at))
    if working.stage is not Stage.RESTS:
        return None
    moved, reached = _reached(working, trade)
    wanted = _most(working, room)
    quantity = wanted if reached >= wanted else to_lot(reached, venue.rules)
    return _made(_put(venue, moved), moved, quantity, trade.at)


def _reached(working: Working, trade: Trade) -> tuple[Working, Quantity]:
    """A resting order after a trade, and how much of the trade was for it.

    All of it where the market traded through its price: then everything there was eaten.
    """
    order, queue = working.order, working.queue
    assert order.level is not None
    if (order.level - trade.price) * order.side.sign > 0:
        return working, working.left
    against = trade.buyer_is_maker is (order.side is Side.BUY)
    if trade.price != order.level or not against or queue is None:
        return working, NONE
    moved, reached = served(queue, trade.quantity)
    return replace(working, queue=moved), reached


def _triggered(venue: Venue, working: Working, room: Quantity, at: Nanos) -> Outcome:
    taking = replace(working, stage=Stage.TAKES, since=at)
    return _take(venue, taking, room, at) or _kept(venue, taking)


def _take(venue: Venue, working: Working, room: Quantity, now: Nanos) -> Outcome | None:
    """Take from the book what it holds, by the order's terms."""
    book, order = fresh(venue.book, working.since), working.order
    if book is not None and (book.at < working.sees or not valid(book)):
        book = None
    if (now if book is None else book.at) - working.since > ORDER_AGE_MAX:
        return _expire(venue, working, "no fresh book to fill it against")
    if book is None:
        return None
    working = replace(working, left=_most(working, room))
    if working.left <= 0:
        return _reject(venue, working, REDUCE_ONLY)
    limit = order.level if order.kind is Kind.LIMIT else None
    levels = deep(book, order.side, venue.taken, venue.rules)
    bites = walk(within(levels, order.side, limit), working.left)
    refused = _terms(working, bites)
    if refused is not None:
        return _reject(venue, working, refused)
    at = max(working.since, book.at)
    fills = tuple(Execution(at, x.price, x.quantity, Liquidity.TAKER) for x in bites)
    return _after_taking(_bitten(venue, order.side, bites), working, fills)


def _most(working: Working, room: Quantity) -> Quantity:
    """How much of the order may be filled: what is left, of a reduce-only one what there is."""
    return min(working.left, room) if working.order.closes else working.left


def _terms(working: Working, bites: tuple[Level, ...]) -> Reject | None:
    """Why the order's time in force forbids what it would take."""
    order = working.order
    if order.kind is not Kind.LIMIT:
        return None
    if order.force is Force.GTX and bites:
        return POST_ONLY
    short = sum((bite.quantity for bite in bites), NONE) < working.left
    return FILL_OR_KILL if order.force is Force.FOK and short else None


def _after_taking(venue: Venue, working: Working, fills: tuple[Execution, ...]) -> Outcome:
    """The order is done, rests with what is left of it, or expires."""
    order, working = working.order, _filled(working, fills)
    if ended(working.status):
        return _kept(venue, working, fills)
    if order.kind is Kind.LIMIT and order.force in {Force.GTC, Force.GTX}:
        assert venue.book is not None
        assert order.level is not None
        queue = joined(venue.book, order.side, order.level)
        return _kept(venue, replace(working, stage=Stage.RESTS, queue=queue), fills)
    gone = _expire(venue, working, f"the book held all but {working.left}")
    return replace(gone, executions=fills)


def _crossed(venue: Venue, working: Working, room: Quantity, book: FreshBook) -> Outcome | None:
    """The other side has come to a resting order's price: it is filled there, as maker."""
    order = working.order
    levels = within(available(book, order.side, venue.taken), order.side, order.level)
    bites = walk(levels, _most(working, room))
    if not bites:
        return None
    quantity = Quantity(sum((bite.quantity for bite in bites), NONE))
    at = max(book.at, working.since)
    return _made(_bitten(venue, order.side, bites), working, quantity, at)


def _made(venue: Venue, working: Working, quantity: Quantity, at: Nanos) -> Outcome:
    """So much of a resting order is filled at its price."""
    assert working.order.level is not None
    if quantity <= 0:
        return _kept(venue, working)
    fills = (Execution(at, working.order.level, quantity, Liquidity.MAKER),)
    return _kept(venue, _filled(working, fills), fills)


def _filled(working: Working, fills: tuple[Execution, ...]) -> Working:
    got = sum((fill.quantity for fill in fills), NONE)
    assert got <= working.left, "more was filled than was asked for"
    if not got:
        return working
    left = Quantity(working.left - got)
    to = Status.PARTIALLY_FILLED if left else Status.FILLED
    return replace(_step(working, to), left=left)


def _bitten(venue: Venue, side: Side, bites: tuple[Level, ...]) -> Venue:
    assert venue.book is not None
    taken = consumption.after_taking(venue.book, side, venue.taken, bites)
    return replace(venue, taken=taken)


def _requeued(working: Working, book: Book) -> Working:
    order = working.order
    if working.stage is not Stage.RESTS or order.level is None:
        return working
    if working.queue is None:
        return replace(working, queue=joined(book, order.side, order.level))
    there = shown(book, order.side, order.level)
    return replace(working, queue=refreshed(working.queue, there))


def _step(working: Working, to: Status) -> Working:
    return replace(working, status=stepped(working.status, to))


def _reject(venue: Venue, working: Working, why: Reject) -> Outcome:
    """The venue takes no more of the order; what is filled of it stays filled."""
    rejectable = Status.REJECTED in STEPS[working.status]
    to = Status.REJECTED if rejectable else Status.CANCELED
    return _end(venue, working, to, str(why.code), why.words)


def _expire(venue: Venue, working: Working, reason: str) -> Outcome:
    return _end(venue, working, Status.EXPIRED, str(Status.EXPIRED), reason)


def _end(venue: Venue, working: Working, to: Status, code: str, reason: str) -> Outcome:
    outcome = _kept(venue, _step(working, to))
    return replace(outcome, code=code, reason=reason)


def _kept(venue: Venue, working: Working, fills: tuple[Execution, ...] = ()) -> Outcome:
    return Outcome(_put(venue, working), working, fills)


def _put(venue: Venue, working: Working) -> Venue:
    """The venue with this order as it is now, or without it where it has ended."""
    key = working.order.id
    if ended(working.status):
        return replace(venue, working=tuple(x for x in venue.working if x.order.id != key))
    kept = tuple(working if x.order.id == key else x for x in venue.working)
    return replace(venue, working=kept)
