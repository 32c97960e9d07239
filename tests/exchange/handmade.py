"""A market so simple that a test can say what every candle is: each minute climbs by 59 cents."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from domain.facts import Mode
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.market import Book, Candle, Level, MarketEvent, MarkPrice, Ticker, Trade
from domain.units import HOUR, MINUTE, SECOND, Nanos, Price, Quantity

START = Nanos(1_760_000_400 * SECOND)
"""A full hour."""

ONE = Quantity(Decimal("0.01"))


def cents(at: int) -> int:
    """The price at a second, in cents."""
    return 6_000_000 + 100 * (at // MINUTE % 97) + at % MINUTE // SECOND


def price(at: int, plus: int = 0) -> Price:
    return Price(Decimal(cents(at) + plus) / 100)


def candle(timeframe: Timeframe, open_time: int) -> Candle:
    """The candle as this market's trades make it."""
    minutes = range(open_time, open_time + timeframe.span, MINUTE)
    lows = [cents(minute) for minute in minutes]
    low, high = Decimal(min(lows)) / 100, Decimal(max(lows) + 59) / 100
    close = Decimal(lows[-1] + 59) / 100
    volume = Quantity(ONE * 60 * timeframe.minutes)
    opened = Price(Decimal(lows[0]) / 100)
    return Candle(
        timeframe, Nanos(open_time), opened, Price(high), Price(low), Price(close), volume
    )


def book(at: int) -> Book:
    bids = tuple(Level(price(at, -1 - n), ONE) for n in range(5))
    asks = tuple(Level(price(at, 1 + n), ONE) for n in range(5))
    return Book(Nanos(at), bids, asks)


@lru_cache(4)
def history(start: Nanos) -> tuple[Candle, ...]:
    return tuple(
        candle(timeframe, start - start % timeframe.span - back * timeframe.span)
        for timeframe in TIMEFRAMES
        for back in range(INGESTION, 0, -1)
    )


class HandMade:
    """One book, one trade and one ticker a second, without end."""

    mode = Mode.DEMO
    identity = "hand-made"
    modelled = False
    streamed = False

    def __init__(self, start: Nanos = START) -> None:
        self.start = start

    def history(self) -> Sequence[Candle]:
        return history(self.start)

    def summary(self) -> str:
        return ""

    def events(self) -> Iterator[MarketEvent]:
        at = self.start
        while True:
            if at % MINUTE == 0:
                settles = Nanos(at - at % (8 * HOUR) + 8 * HOUR)
                yield MarkPrice(Nanos(at), price(at), Decimal("0.0001"), settles)
            yield book(at)
            yield Trade(Nanos(at), at // SECOND, price(at), ONE, buyer_is_maker=True)
            yield Ticker(Nanos(at), price(at), 0.0123)
            at = Nanos(at + SECOND)
            if at % MINUTE == 0:
                yield candle(Timeframe.M1, at - MINUTE)
