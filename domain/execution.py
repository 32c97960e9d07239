"""What an order takes from the book it meets, how long it travels, and what it costs."""

import zlib
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from itertools import takewhile

from domain.facts import Liquidity
from domain.market import Book, Level, Side
from domain.orders import Kind, Order
from domain.units import BASIS_POINTS, MILLISECOND, Money, Nanos, Price, Quantity

MAKER_FEE = Decimal("0.0002")
"""USDⓈ-M fee for giving liquidity [fraction of notional]."""

TAKER_FEE = Decimal("0.0004")
"""USDⓈ-M fee for taking liquidity [fraction of notional]."""

ROUND_TRIP = 2 * float(TAKER_FEE)
"""Fees of taking liquidity both ways [fraction of notional]."""

LATENCY_MIN = Nanos(50 * MILLISECOND)
LATENCY_MAX = Nanos(200 * MILLISECOND)

CENT = Decimal("0.00000001")
"""What the venue rounds money to [quote currency]."""


@lru_cache(maxsize=1024)
def latency(message: str, seed: int) -> Nanos:
    """How long this message takes to the venue, or back from it [ns].

    50 + 150 x Beta(2, 5) ms: most arrive within 60 to 130 ms, a few take up to 200. Drawn from the
    seed and the message's key alone, so that a restart or a replay draws the same.
    """
    import numpy as np  # noqa: PLC0415 - fees and prices are wanted long before the first order

    draw = np.random.default_rng((seed, zlib.crc32(message.encode()))).beta(2.0, 5.0)
    return Nanos(LATENCY_MIN + int(draw * (LATENCY_MAX - LATENCY_MIN)))


def walk(levels: Iterable[Level], quantity: Quantity) -> tuple[Level, ...]:
    """The bites an order takes from these levels, best price first, until it has enough.

    >>> one = Quantity(Decimal(1))
    >>> asks = Level(Price(Decimal(100)), one), Level(Price(Decimal(101)), one)
    >>> bites = walk(asks, Quantity(Decimal("1.5")))
    >>> [(str(bite.price), str(bite.quantity)) for bite in bites]
    [('100', '1'), ('101', '0.5')]
    """
    bites = []
    for level in levels:
        bite = Quantity(min(quantity, level.quantity))
        if bite <= 0:
            break
        bites.append(Level(level.price, bite))
        quantity = Quantity(quantity - bite)
        if not quantity:
            break  # what is deeper costs something to tell
    return tuple(bites)


def within(levels: Iterable[Level], side: Side, limit: Price | None) -> Iterable[Level]:
    """The levels that a limit lets an order take, best first; all of them where there is none."""
    if limit is None:
        return levels
    return takewhile(lambda level: (limit - level.price) * side.sign >= 0, levels)


def touch(book: Book, side: Side) -> Price:
    """The best price at which an order of this side would take."""
    return book.best_ask if side is Side.BUY else book.best_bid


def touched(order: Order, price: Price) -> bool:
    """Whether this price triggers a stop (it got worse) or a take-profit (it got better)."""
    assert order.level is not None
    away = (price - order.level) * order.side.sign
    return away >= 0 if order.kind is Kind.STOP_MARKET else away <= 0


def fee(price: Price, quantity: Quantity, liquidity: Liquidity = Liquidity.TAKER) -> Money:
    """Fee of one fill, rounded as the venue does [quote currency].

    >>> fee(Price(Decimal(50000)), Quantity(Decimal("0.001")))
    Decimal('0.02000000')
    >>> fee(Price(Decimal(50000)), Quantity(Decimal("0.001")), Liquidity.MAKER)
    Decimal('0.01000000')
    """
    rate = TAKER_FEE if liquidity is Liquidity.TAKER else MAKER_FEE
    return Money((price * quantity * rate).quantize(CENT, ROUND_HALF_EVEN))


def slippage_bps(order: Order, price: Price) -> float:
    """How much worse than its reference the order was filled [basis points]."""
    return float((price - order.reference) / order.reference) * order.side.sign * BASIS_POINTS
