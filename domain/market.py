"""What the venue tells us: books, trades, candles, tickers, mark prices."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from domain.horizons import Timeframe
from domain.units import Nanos, Price, Quantity

DEPTH = 5
"""Levels of the book that we see on each side."""


class Side(StrEnum):
    """Which way a trade goes, seen from us."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a purchase, -1 for a sale."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


@dataclass(frozen=True, slots=True)
class Level:
    """One price of the book and what waits there."""

    price: Price
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Book:
    """The best levels of both sides at one moment.

    Attributes:
        at: when the venue published it; depth5 frames carry no time, there it is the arrival.
        bids: at most DEPTH levels, highest price first; never empty.
        asks: at most DEPTH levels, lowest price first; never empty, and above the bids.
        modelled: made from a candle by `domain.modelled`, not seen at a venue.
    """

    at: Nanos
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    modelled: bool = False

    @property
    def best_bid(self) -> Price:
        """Highest price somebody pays."""
        return self.bids[0].price

    @property
    def best_ask(self) -> Price:
        """Lowest price somebody takes."""
        return self.asks[0].price

    @property
    def mid(self) -> Price:
        """Halfway between best bid and best ask."""
        return Price((self.best_bid + self.best_ask) / 2)


def valid(book: Book) -> bool:
    """Whether both sides stand, are sorted, have size, and do not cross.

    >>> one = Quantity(Decimal(1))
    >>> bid, ask = Level(Price(Decimal(100)), one), Level(Price(Decimal(101)), one)
    >>> valid(Book(Nanos(0), (bid,), (ask,))), valid(Book(Nanos(0), (ask,), (bid,)))
    (True, False)
    """
    if not book.bids or not book.asks or book.best_bid >= book.best_ask:
        return False
    bids, asks = book.bids, book.asks
    falling = all(a.price > b.price for a, b in pairwise(bids))
    rising = all(a.price < b.price for a, b in pairwise(asks))
    return falling and rising and all(x.price > 0 and x.quantity > 0 for x in (*bids, *asks))


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of others at the venue.

    Attributes:
        at: when it happened.
        trade_id: the venue's number, consecutive.
        price: at which it happened.
        quantity: how much changed hands.
        buyer_is_maker: whether the seller was the one who crossed the spread.
    """

    at: Nanos
    trade_id: int
    price: Price
    quantity: Quantity
    buyer_is_maker: bool


class Origin(StrEnum):
    """Where a candle comes from."""

    REAL = "real"
    """The exchange published it."""
    DERIVED = "derived"
    """We aggregated it from real one-minute candles."""
    INTERPOLATED = "interpolated"
    """The exchange has none; it stands in for the model's input only."""


@dataclass(frozen=True, slots=True)
class Candle:
    """What happened to the price within one span of a timeframe's grid."""

    timeframe: Timeframe
    open_time: Nanos
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity
    kind: Origin = Origin.REAL

    @property
    def close_time(self) -> Nanos:
        """When the candle is complete: the next one's open time."""
        return Nanos(self.open_time + self.timeframe.span)


@dataclass(frozen=True, slots=True)
class Ticker:
    """The last price and how it stands against 24 hours ago.

    Attributes:
        at: when the venue published it.
        last: price of the last trade.
        change: 24 hour change [fraction].
    """

    at: Nanos
    last: Price
    change: float


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """What the futures venue values a position at, and the rate it will charge for holding it.

    Attributes:
        at: when the venue published it.
        mark: mark price.
        rate: funding rate of the running period [fraction per period].
        settles: when it is next charged.
    """

    at: Nanos
    mark: Price
    rate: Decimal
    settles: Nanos


MarketEvent = Book | Trade | Candle | Ticker | MarkPrice
"""Everything a source of market data can say; a Candle in it is always complete."""
