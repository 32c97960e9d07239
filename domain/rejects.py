"""What the venue sends back unfilled, in Binance's own codes and words.

The filters (-1013) are those of the market whose book we fill against; margin, reduce-only and
post-only are USDⓈ-M's, like our costs (developers.binance.com, "Error Codes").
"""

from dataclasses import dataclass

from domain.execution import TAKER_FEE, touch, touched
from domain.instrument import Instrument
from domain.market import Book, Side
from domain.orders import Kind, Order
from domain.units import Money, Price, Quantity


@dataclass(frozen=True, slots=True)
class Reject:
    """A code and its words."""

    code: int
    words: str


PRICE_FILTER = Reject(-1013, "Filter failure: PRICE_FILTER")
LOT_SIZE = Reject(-1013, "Filter failure: LOT_SIZE")
PERCENT_PRICE = Reject(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
DUPLICATE = Reject(-2010, "Duplicate order sent.")
MARGIN = Reject(-2019, "Margin is insufficient.")
WOULD_TRIGGER = Reject(-2021, "Order would immediately trigger.")
REDUCE_ONLY = Reject(-2022, "ReduceOnly Order is rejected.")
NOTIONAL = Reject(
    -4164, "Order's notional must be no smaller than {} (unless you choose reduce only)."
)
FILL_OR_KILL = Reject(
    -5021, "Due to the order could not be filled immediately, the FOK order has been rejected."
)
POST_ONLY = Reject(
    -5022,
    "Due to the order could not be executed as maker, the Post Only order will be rejected.",
)
LIMIT_ONLY = Reject(-5025, "Only limit order is supported.")
NO_CHANGE = Reject(-5027, "No need to modify the order.")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the venue knows of us when an order arrives.

    Attributes:
        room: how much a reduce-only order of this side may take [base].
        free: margin that no position holds [quote currency].
    """

    room: Quantity
    free: Money


def rejection(order: Order, rules: Instrument, book: Book | None, us: Standing) -> Reject | None:
    """Why the venue does not take the order; None where it does."""
    price = order.level or (touch(book, order.side) if book is not None else order.reference)
    if order.level is not None and order.level % rules.tick != 0:
        return PRICE_FILTER
    if _odd(order, rules):
        return LOT_SIZE
    if order.kind is Kind.LIMIT and book is not None and _far(order, rules, book.mid):
        return PERCENT_PRICE
    if order.closes:
        return _reduction(order, book, us)
    return _opening(Money(order.quantity * price), rules, us)


def _odd(order: Order, rules: Instrument) -> bool:
    """An order that closes a position takes all of it, whatever is left of a lot."""
    return order.quantity <= 0 or (not order.closes and order.quantity % rules.lot != 0)


def _far(order: Order, rules: Instrument, market: Price) -> bool:
    """Whether a limit price is out of all proportion to the market's.

    Binance takes the average price of the last minutes; five minutes move the bounds by less than
    the width of any of them, so the mid stands in.
    """
    assert order.level is not None
    band = rules.buys if order.side is Side.BUY else rules.sells
    return not market * band.lowest <= order.level <= market * band.highest


def _reduction(order: Order, book: Book | None, us: Standing) -> Reject | None:
    if us.room <= 0:
        return REDUCE_ONLY
    waits = order.kind is Kind.STOP_MARKET
    if waits and book is not None and touched(order, touch(book, order.side)):
        return WOULD_TRIGGER
    return None


def _opening(notional: Money, rules: Instrument, us: Standing) -> Reject | None:
    if notional < rules.notional_min:
        return Reject(NOTIONAL.code, NOTIONAL.words.format(rules.notional_min))
    return MARGIN if notional * (1 + TAKER_FEE) > us.free else None
