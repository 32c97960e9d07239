"""How the paper venue fills a market order against the book it meets."""

import zlib
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from domain.market import Book, Level, Side
from domain.orders import Order
from domain.units import BASIS_POINTS, MILLISECOND, Money, Nanos, Price, Quantity

TAKER_FEE = Decimal("0.0004")
"""USDⓈ-M fee for taking liquidity [fraction of notional]."""

LATENCY_MIN = Nanos(50 * MILLISECOND)
LATENCY_MAX = Nanos(200 * MILLISECOND)

CENT = Decimal("0.00000001")
"""What the venue rounds money to [quote currency]."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a market order finds in a book: the levels it eats, and what is left of it."""

    levels: tuple[Level, ...]
    left: Quantity


def latency(order: str, seed: int) -> Nanos:
    """How long this order takes to the venue [ns].

    50 + 150 x Beta(2, 5) ms: most orders arrive within 60 to 130 ms, a few take up to 200. Drawn
    from the seed and the order's key alone, so that a restart or a replay draws the same.
    """
    draw = np.random.default_rng((seed, zlib.crc32(order.encode()))).beta(2.0, 5.0)
    return Nanos(LATENCY_MIN + int(draw * (LATENCY_MAX - LATENCY_MIN)))


def walk(book: Book, side: Side, quantity: Quantity) -> Taken:
    """Eat through the visible levels, best price first.

    >>> one = Quantity(Decimal(1))
    >>> asks = Level(Price(Decimal(100)), one), Level(Price(Decimal(101)), one)
    >>> found = walk(Book(Nanos(0), (), asks), Side.BUY, Quantity(Decimal("1.5")))
    >>> [(str(level.price), str(level.quantity)) for level in found.levels], found.left
    ([('100', '1'), ('101', '0.5')], Decimal('0.0'))
    """
    eaten = []
    for level in book.asks if side is Side.BUY else book.bids:
        bite = Quantity(min(quantity, level.quantity))
        if bite > 0:
            eaten.append(Level(level.price, bite))
        quantity = Quantity(quantity - bite)
    return Taken(tuple(eaten), quantity)


def fee(price: Price, quantity: Quantity) -> Money:
    """Taker fee of one fill, rounded as the venue does [quote currency].

    >>> fee(Price(Decimal(50000)), Quantity(Decimal("0.001")))
    Decimal('0.02000000')
    """
    return Money((price * quantity * TAKER_FEE).quantize(CENT, ROUND_HALF_EVEN))


def slippage_bps(order: Order, price: Price) -> float:
    """How much worse than the mid it was decided on the order was filled [basis points]."""
    return float((price - order.reference) / order.reference) * order.side.sign * BASIS_POINTS
