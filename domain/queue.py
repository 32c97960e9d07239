"""Where a resting order stands among those that wait at its price.

The venue shows how much waits at a price, never who. So this is an estimate, on the careful side:
we join behind everything visible; trades at our price are served from the front; what vanishes
without a trade was cancelled, and cancellations are spread evenly over the queue, so that of those
the share ahead of us is ahead / all.
"""

from dataclasses import dataclass
from decimal import Decimal

from domain.market import Book, Level, Side
from domain.units import Price, Quantity

NONE = Quantity(Decimal(0))


@dataclass(frozen=True, slots=True)
class Queue:
    """A place in the queue at one price.

    Attributes:
        ahead: what is served before us [base].
        shown: what the newest book shows at the price, without us [base].
        traded: what traded there since that book [base].
    """

    ahead: Quantity
    shown: Quantity
    traded: Quantity = NONE


def own_side(book: Book, side: Side) -> tuple[Level, ...]:
    """The levels among which an order of this side rests."""
    return book.bids if side is Side.BUY else book.asks


def shown(book: Book, side: Side, price: Price) -> Quantity | None:
    """What the book shows at a resting order's price; None where it does not look that far.

    >>> bid = Level(Price(Decimal(99)), Quantity(Decimal(2)))
    >>> ask = Level(Price(Decimal(101)), Quantity(Decimal(3)))
    >>> book = Book(0, (bid,), (ask,))
    >>> [shown(book, Side.BUY, Price(Decimal(price))) for price in (100, 99, 98)]
    [Decimal('0'), Decimal('2'), None]
    """
    levels = own_side(book, side)
    for level in levels:
        if level.price == price:
            return level.quantity
    return None if (levels[-1].price - price) * side.sign > 0 else NONE


def joined(book: Book, side: Side, price: Price) -> Queue | None:
    """The place of an order that arrives now; None while its price is beyond what we see.

    An order out of sight takes its place when its price comes into sight, behind all that is then
    there: later than in truth, never earlier.
    """
    there = shown(book, side, price)
    return None if there is None else Queue(there, there)


def refreshed(queue: Queue, there: Quantity | None) -> Queue:
    """The place after a new book shows this much at our price (None: out of sight, all stands)."""
    if there is None:
        return queue
    before = Quantity(max(NONE, queue.shown - queue.traded))
    gone = max(NONE, Quantity(before - there))
    share = gone * queue.ahead / before if before > 0 else gone
    ahead = min(Quantity(max(NONE, queue.ahead - share)), there)
    return Queue(ahead, there)


def served(queue: Queue, quantity: Quantity) -> tuple[Queue, Quantity]:
    """The place after a trade at our price, and how much of the trade reached us."""
    ahead = max(NONE, Quantity(queue.ahead - quantity))
    reached = max(NONE, Quantity(quantity - queue.ahead))
    return Queue(ahead, queue.shown, Quantity(queue.traded + quantity)), reached
