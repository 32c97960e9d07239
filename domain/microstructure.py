"""How good the market is to trade in, right now: spread, pressure, liquidity.

The gates are the mission's ("Market Microstructure Mínima").
"""

from dataclasses import dataclass
from decimal import Decimal

from domain.market import Book, Level
from domain.units import BASIS_POINTS, Nanos

SPREAD_MAX = 10.0
"""Widest spread we trade on [basis points]."""

SPREAD_MAX_AT_START = 20.0
"""Widest average spread we begin to trade on [basis points]."""

SPREAD_WINDOW = 100
"""Books over which the average spread is taken."""

PRESSURE_MIN = 1.2
"""Ratio of the waiting quantities from which one side is said to press."""

LIQUIDITY_MIN = 50_000.0
"""Least value that must wait in the top five levels of both sides together [USD]."""


@dataclass(frozen=True, slots=True)
class MarketQuality:
    """What the book says about trading now.

    Attributes:
        at: time of the book.
        spread_bps: (ask - bid) / mid [basis points].
        spread_average_bps: its mean over the last SPREAD_WINDOW books [basis points].
        pressure: quantity waiting to buy over quantity waiting to sell, top five levels.
        liquidity: value waiting in the top five levels of both sides [USD].
        traded: quantity that changed hands over the last minute [BTC].
        modelled: the book was modelled from a candle.
    """

    at: Nanos
    spread_bps: float
    spread_average_bps: float
    pressure: float
    liquidity: float
    traded: float
    modelled: bool


def spread_bps(book: Book) -> float:
    """Relative spread of the book [basis points].

    >>> one = Decimal(1)
    >>> spread_bps(Book(0, (Level(Decimal(99), one),), (Level(Decimal(101), one),)))
    200.0
    """
    return float((book.best_ask - book.best_bid) / book.mid) * BASIS_POINTS


def pressure(book: Book) -> float:
    """Quantity waiting to buy over quantity waiting to sell; above 1 buyers press."""
    return float(_quantity(book.bids) / _quantity(book.asks))


def liquidity(book: Book) -> float:
    """Value waiting on both sides [quote currency]."""
    return float(sum((x.price * x.quantity for x in (*book.bids, *book.asks)), Decimal(0)))


def _quantity(levels: tuple[Level, ...]) -> Decimal:
    return sum((level.quantity for level in levels), Decimal(0))
