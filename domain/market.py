"""What the venue tells us: books, trades, candles, tickers, mark prices."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
        update_id: the venue's number of it, rising but not consecutive; 0 where it has none. Two
            books are equal where they show the same market, whatever their numbers.
    """

    at: Nanos
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    modelled: bool = False
    update_id: int = field(default=0, compare=False)

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


def summed(trades: Sequence[Trade]) -> tuple[Trade, ...]:
    """Trades as at most two, one of each side: the newest's time, number and price, all quantity.

    For who cannot keep up and must not lose volume.

    >>> one = Trade(Nanos(1), 7, Price(Decimal(9)), Quantity(Decimal(2)), buyer_is_maker=True)
    >>> summed([one, one])[0].quantity
    Decimal('4')
    """
    sides = ([x for x in trades if x.buyer_is_maker is side] for side in (True, False))
    whole = (
        replace(side[-1], quantity=Quantity(sum((x.quantity for x in side), Decimal(0))))
        for side in sides
        if side
    )
    return tuple(sorted(whole, key=lambda trade: trade.trade_id))


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
